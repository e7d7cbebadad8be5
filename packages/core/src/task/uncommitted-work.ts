import type { NewClaim } from '../call/call-operator.js'
import type { ChangelogRecord, OutputBuffer } from '../log/contract.js'
import type { CallEffects, CallEvent, Effects, Outcome } from '../outcome/effects.js'
import type { NewRecord } from '../record.js'
import { keyText } from '../serde/key-text.js'
import type { Change } from '../store/contract.js'
import type { StoredRow } from '../store/stored-row.js'
import type { CallDispatcher, ClaimReport } from './calls/call-dispatcher.js'
import { CALLS } from './stores/store-names.js'

/** Outcomes kept for listeners between two commits; later ones are only counted. */
const MAX_OUTCOMES = 1_000

/** A change of a store; a row that was put comes along, decoded perhaps. */
export interface RowChange extends Change {
  readonly row?: StoredRow
}

/** What has been computed since the last commit: nothing of it is visible yet. It is committed as a whole, or discarded. */
export class UncommittedWork implements Effects, CallEffects {
  readonly outputs: NewRecord[] = []
  /** Changes of stores, by store and key: the overlay above the stores. */
  readonly stores: Map<string, Map<string, RowChange>> = new Map()
  /** Changelog records by key: only the last one of a key is written. */
  readonly #changelog = new Map<string, ChangelogRecord>()
  readonly outcomes: (Outcome | CallEvent)[] = []
  /** Claims whose calls may be made once this is committed. */
  readonly #claims = new Map<CallDispatcher, readonly NewClaim[]>()
  /** What became of calls, told for good once this is committed. */
  readonly #reports = new Map<CallDispatcher, readonly ClaimReport[]>()
  readonly buffered: OutputBuffer | undefined
  readonly #waiters: string
  readonly #logNow: () => number
  /** Roughly what the commit will send, and what stays in memory until then. */
  bytes = 0
  /** Monotonic time of the first piece of work. */
  since: number | undefined

  /**
   * @param waiters the name of the store of waiting events
   * @param logNow the log's clock
   * @param buffered takes the outputs, if the session has such a thing
   */
  constructor(waiters: string, logNow: () => number, buffered?: OutputBuffer) {
    this.#waiters = waiters
    this.#logNow = logNow
    this.buffered = buffered
  }

  get logNow(): number {
    return this.#logNow()
  }

  get isEmpty(): boolean {
    return this.since === undefined
  }

  get changelog(): Iterable<ChangelogRecord> {
    return this.#changelog.values()
  }

  /** Something was consumed: the position has to be committed. */
  touch(monotonic: number): void {
    this.since ??= monotonic
  }

  output(record: NewRecord, bytes: number): void {
    if (this.buffered === undefined) this.outputs.push(record)
    else this.buffered.add(record)
    this.bytes += bytes
  }

  putState(key: Uint8Array, value: Uint8Array | null): void {
    this.appendChangelog(key, value)
    this.#set(this.#waiters, { key, value })
  }

  putCall(key: Uint8Array, value: Uint8Array | null): void {
    this.appendChangelog(key, value)
    this.#set(CALLS, { key, value })
  }

  /** Calls that begin with the commit: it is not to wait. */
  claimed(by: CallDispatcher, claims: readonly NewClaim[]): void {
    this.#claims.set(by, [...(this.#claims.get(by) ?? []), ...claims])
  }

  /** What calls have told of themselves. */
  reported(by: CallDispatcher, reports: readonly ClaimReport[]): void {
    this.#reports.set(by, [...(this.#reports.get(by) ?? []), ...reports])
  }

  /** Whether calls wait for the commit. */
  get isUrgent(): boolean {
    return this.#claims.size > 0
  }

  /** The commit got through. */
  committed(sentAt: number, mayStart: boolean): void {
    for (const [by, reports] of this.#reports) by.onReportsCommitted(reports)
    for (const [by, claims] of this.#claims) by.onCommitted(claims, sentAt, mayStart)
  }

  outcome(outcome: Outcome | CallEvent): void {
    if (this.outcomes.length < MAX_OUTCOMES) this.outcomes.push(outcome)
  }

  /** A record for the changelog. */
  appendChangelog(key: Uint8Array, value: Uint8Array | null): void {
    this.#changelog.set(keyText(key), { key, value })
    this.bytes += key.length + (value?.length ?? 0) + 16
  }

  /** A change of a store. */
  putRow(store: string, change: RowChange): void {
    this.#set(store, change)
    this.bytes += change.key.length + (change.value?.length ?? 0)
  }

  #set(store: string, change: RowChange): void {
    let changes = this.stores.get(store)
    if (changes === undefined) {
      changes = new Map()
      this.stores.set(store, changes)
    }
    changes.set(keyText(change.key), change)
  }
}
