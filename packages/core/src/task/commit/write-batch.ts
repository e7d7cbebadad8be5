import type { ChangelogRecord, OutputBuffer } from '../../log/contract.js'
import type { CallEffects, CallEvent, Effects, Outcome, Refusal } from '../../outcome/effects.js'
import type { NewRecord } from '../../record.js'
import { keyText } from '../../serde/key-text.js'
import type { Change } from '../../store/contract.js'
import type { StoredRow } from '../../store/stored-row.js'
import { CALLS } from '../stores/store-names.js'
import type { RefusedOutputs } from './refused-outputs.js'

/** The maximum number of outcomes that are kept for listeners between two commits; further ones are only counted. */
const MAX_OUTCOMES = 1_000
/** The approximate size of a changelog record in addition to its key and value, in bytes. */
const RECORD_OVERHEAD = 16

/** A change of a store. A put may have its row, which may be decoded already. */
export interface RowChange extends Change {
  readonly row?: StoredRow
}

/** A commit that is in the log. */
export interface Commit {
  /** When it was sent, in monotonic milliseconds. */
  readonly sentAt: number
  /** Whether the calls that are claimed in it may be made. */
  readonly mayCall: boolean
}

/**
 * Everything that one commit writes: outputs, changelog records, and changes of stores. None of it is visible before
 * the commit; it is committed as a whole or discarded.
 */
export class WriteBatch implements Effects, CallEffects {
  readonly outputs: NewRecord[] = []
  /** Collects the outputs in the session's own format, if the session has one. */
  readonly buffered: OutputBuffer | undefined
  /** Changes of stores, by store and key. */
  readonly stores: Map<string, Map<string, RowChange>> = new Map()
  readonly outcomes: (Outcome | CallEvent)[] = []
  /** The approximate number of bytes that the commit sends to the log. */
  logBytes = 0
  /** When the first change was made, in monotonic milliseconds; `undefined` for an empty batch. */
  since: number | undefined
  /** Whether the commit is due immediately, because calls wait for it. */
  isUrgent = false
  /** Changelog records by key: only the last one with a key is written. */
  readonly #changelog = new Map<string, ChangelogRecord>()
  /** Bytes of rows, which are applied to stores only. */
  #rowBytes = 0
  readonly #afterCommit: ((commit: Commit) => void)[] = []
  readonly #waiters: string
  readonly #logTimeMs: () => number
  readonly #refused: RefusedOutputs | undefined

  /**
   * @param waiters the name of the store of waiting events
   * @param logTimeMs milliseconds of the log's clock
   * @param buffered collects the outputs, if the session has such a buffer
   * @param refused what the log has refused before
   */
  constructor(waiters: string, logTimeMs: () => number, buffered?: OutputBuffer, refused?: RefusedOutputs) {
    this.#waiters = waiters
    this.#logTimeMs = logTimeMs
    this.#refused = refused
    this.buffered = buffered
  }

  get logTimeMs(): number {
    return this.#logTimeMs()
  }

  /** The approximate number of bytes that stay in memory until the commit. */
  get bytes(): number {
    return this.logBytes + this.#rowBytes
  }

  get isEmpty(): boolean {
    return this.since === undefined
  }

  get changelog(): Iterable<ChangelogRecord> {
    return this.#changelog.values()
  }

  /** Marks the batch as not empty: records were consumed, and the position has to be committed. */
  touch(monotonic: number): void {
    this.since ??= monotonic
  }

  output(record: NewRecord, bytes: number): void {
    if (this.buffered === undefined) this.outputs.push(record)
    else this.buffered.add(record)
    this.logBytes += bytes
  }

  refusal(topic: string, origin: Uint8Array): Refusal | undefined {
    const refusal = this.#refused?.find(topic, origin)
    if (refusal !== undefined) this.afterCommit(() => this.#refused?.delete(topic, origin))
    return refusal
  }

  putState(key: Uint8Array, value: Uint8Array | null): void {
    this.appendChangelog(key, value)
    this.#put(this.#waiters, { key, value })
  }

  putCall(key: Uint8Array, value: Uint8Array | null): void {
    this.appendChangelog(key, value)
    this.#put(CALLS, { key, value })
  }

  outcome(outcome: Outcome | CallEvent): void {
    if (this.outcomes.length < MAX_OUTCOMES) this.outcomes.push(outcome)
  }

  /** Adds a record to the changelog only. */
  appendChangelog(key: Uint8Array, value: Uint8Array | null): void {
    this.#changelog.set(keyText(key), { key, value })
    this.logBytes += key.length + (value?.length ?? 0) + RECORD_OVERHEAD
  }

  /** Adds a change to a table's store only. */
  putRow(store: string, change: RowChange): void {
    this.#put(store, change)
    this.#rowBytes += change.key.length + (change.value?.length ?? 0)
  }

  /** Runs `hook` once the batch is in the log; never if it is discarded. Hooks run in the order they were added. */
  afterCommit(hook: (commit: Commit) => void): void {
    this.#afterCommit.push(hook)
  }

  /** The batch is in the log. */
  committed(commit: Commit): void {
    for (const hook of this.#afterCommit) hook(commit)
  }

  #put(store: string, change: RowChange): void {
    let changes = this.stores.get(store)
    if (changes === undefined) {
      changes = new Map()
      this.stores.set(store, changes)
    }
    changes.set(keyText(change.key), change)
  }
}
