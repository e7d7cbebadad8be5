import { expect } from 'vitest'
import { parseChangelogKey } from '../../src/changelog/keys.js'
import { type DeadLetterInfo, deadLetterInfo } from '../../src/index.js'
import type { JoinContext, UnfinishedKey } from '../../src/join/join-context.js'
import { JoinOperator } from '../../src/join/join-operator.js'
import type { OutputTopicInfo } from '../../src/log/contract.js'
import type { Effects, Outcome, Rows } from '../../src/outcome/effects.js'
import type { RecordWatch } from '../../src/outcome/record-watch.js'
import { copyTotals, type Totals } from '../../src/outcome/totals.js'
import type { Pipeline } from '../../src/pipeline/pipeline.js'
import { planApplication } from '../../src/pipeline/plan.js'
import type { Headers, LogRecord, NewRecord } from '../../src/record.js'
import { StoredRow } from '../../src/store/stored-row.js'

/** What differs from an ordinary record. */
export interface RecordParts {
  readonly headers?: Headers
  readonly timestamp?: number
  readonly offset?: number
}

/** Options of a harness. */
export interface HarnessOptions {
  readonly now?: number
  readonly partition?: number
  /** By topic; the others have 4 partitions and accept 1 MiB. */
  readonly outputs?: Readonly<Record<string, OutputTopicInfo>>
  /** The largest record that the changelog accepts, in bytes; 1 MiB by default. */
  readonly changelogBytes?: number
  /** The most events of a key that are evaluated at once; all by default. */
  readonly limit?: () => number
}

/** Events of a key that are evaluated later have the rows with which its evaluation began. */
const NO_ROWS: Rows = { values: [], caughtUp: [] }

const asBytes = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text))

/** One operator with its rows and state, as a task keeps them. Keys, values and rows are text. */
export class OperatorHarness implements Effects {
  now: number
  readonly outputs: NewRecord[] = []
  readonly outcomes: Outcome[] = []
  /** The operator's part of the changelog, by hexadecimal key. */
  readonly state: Map<string, Uint8Array> = new Map()
  readonly rows: Map<string, Map<string, Buffer>>
  /** Tables whose rows are not certain. */
  readonly notCaughtUp: Set<string> = new Set()
  /** Watches the functions that run. */
  watch: RecordWatch | undefined
  operator: JoinOperator
  readonly #plan: JoinOperator['plan']
  readonly #options: ConstructorParameters<typeof JoinOperator>[1]
  readonly #limit: (() => number) | undefined
  #offset = 0

  constructor(
    pipeline: Pipeline,
    { now = 1_000_000, partition = 2, outputs = {}, changelogBytes = 1_048_576, limit }: HarnessOptions = {},
  ) {
    this.now = now
    const [plan] = planApplication('app', pipeline).pipelines
    this.#plan = plan as JoinOperator['plan']
    this.#limit = limit
    const topics = this.#plan.outputs.map(
      (topic) => [topic, outputs[topic] ?? { partitions: 4, maxMessageBytes: 1_048_576 }] as const,
    )
    const changelog = { topic: 'app-changelog', maxMessageBytes: changelogBytes }
    this.#options = { application: 'app', partition, outputs: new Map(topics), changelog }
    this.rows = new Map(this.#plan.tables.map(({ topic }) => [topic, new Map()]))
    this.operator = new JoinOperator(this.#plan, this.#options)
  }

  /** The log's clock agrees with this machine's. */
  get logTimeMs(): number {
    return this.now
  }

  output(record: NewRecord): void {
    this.outputs.push(record)
  }

  refusal(): undefined {
    return undefined
  }

  putState(key: Uint8Array, value: Uint8Array | null): void {
    const id = Buffer.from(key).toString('hex')
    if (value === null) this.state.delete(id)
    else this.state.set(id, value)
  }

  outcome(outcome: Outcome): void {
    this.outcomes.push(outcome)
  }

  get totals(): Totals {
    return this.operator.totals
  }

  record(key: string | null, value: string | Uint8Array | null, parts: RecordParts = {}): LogRecord {
    const offset = parts.offset ?? this.#offset
    this.#offset = offset + 1
    return {
      topic: this.#plan.stream,
      partition: this.#options.partition,
      offset,
      key: asBytes(key),
      value: typeof value === 'string' ? asBytes(value) : value,
      timestamp: parts.timestamp ?? 5_000,
      headers: parts.headers ?? [],
    }
  }

  /**
   * Processes one event.
   *
   * @returns whether it was consumed
   */
  event(key: string | null, value: string | Uint8Array | null, parts?: RecordParts): boolean {
    return this.process([this.record(key, value, parts)]) === 1
  }

  process(records: readonly LogRecord[]): number {
    const rows = this.rowsFor(records.map(({ key }) => key?.toString() ?? ''))
    const consumed = this.operator.process(records, this.contextOf(rows))
    this.check()
    return consumed
  }

  /** A table record: the row is put or deleted, then the key wakes. */
  row(topic: string, key: string, value: string | null): void {
    const row = asBytes(value)
    const table = this.rows.get(topic) as Map<string, Buffer>
    const before = this.rowsFor([key])
    if (row === null) table.delete(key)
    else table.set(key, row)
    const record = { ...this.record(key, value), topic }
    const index = this.#plan.tables.findIndex((plan) => plan.topic === topic)
    this.#finish(this.operator.wake(index, record, 0, this.contextOf(before)))
    this.check()
  }

  /** The table has been processed to an end offset that was requested at `requestedAt`; due events are evaluated. */
  reachEnd(topic: string, requestedAt: number = this.now): void {
    const index = this.#plan.tables.findIndex((plan) => plan.topic === topic)
    for (let round = 0; ; round++) {
      const due = this.operator.endOffsetReached(index, requestedAt, 2)
      if (due.length === 0) return
      if (round > 10_000) throw new Error('the same events are due forever')
      this.evaluate(due.map(String))
    }
  }

  evaluate(keys: readonly string[]): void {
    const context = this.contextOf(this.rowsFor(keys))
    keys.forEach((key, i) => {
      this.#finish(this.operator.evaluate(Buffer.from(key), i, context))
    })
    this.check()
  }

  #finish(unfinished: UnfinishedKey | undefined): void {
    for (let rest = unfinished; rest !== undefined; ) {
      this.check()
      rest = this.operator.resume(rest, this.contextOf(NO_ROWS))
    }
  }

  nextDeadline(topic: string): number | undefined {
    return this.operator.nextDeadline(this.#plan.tables.findIndex((plan) => plan.topic === topic))
  }

  /** Restores a new operator from the committed state. */
  restart(): void {
    const waiters = Array.from(this.state, ([id, stored]) => ({
      key: parseChangelogKey(Buffer.from(id, 'hex')),
      stored,
    }))
    this.operator = new JoinOperator(this.#plan, this.#options, copyTotals(this.totals))
    const found = waiters.flatMap(({ key, stored }) => (key.kind === 'waiter' ? [{ offset: key.offset, stored }] : []))
    for (const { offset, stored } of found.sort((a, b) => a.offset - b.offset))
      this.operator.restore(offset, stored, this.now)
    this.check()
  }

  /** Evaluates all waiting events, as is done once after a restart. */
  open(): void {
    this.evaluate(this.operator.waitingKeys().map(String))
  }

  /** @returns the values written to a topic, in order */
  values(topic: string): (string | null)[] {
    return this.outputs.filter((record) => record.topic === topic).map(({ value }) => value && String(value))
  }

  /** @returns the headers of a topic's dead letters */
  deadLetters(topic: string): (DeadLetterInfo | undefined)[] {
    return this.outputs.filter((record) => record.topic === topic).map(({ headers }) => deadLetterInfo(headers))
  }

  contextOf(rows: Rows): JoinContext {
    return { rows, now: this.now, effects: this, limit: this.#limit, watch: this.watch }
  }

  rowsFor(keys: readonly string[]): Rows {
    return {
      values: Array.from(this.rows.values(), (table) =>
        keys.map((key) => {
          const bytes = table.get(key)
          return bytes && new StoredRow(bytes)
        }),
      ),
      caughtUp: Array.from(this.rows.keys(), (topic) => !this.notCaughtUp.has(topic)),
    }
  }

  /** Law 1: each record has one outcome, and every waiting event is in the state. */
  check(): void {
    const { emitted, dropped, deadLettered, waiting } = this.totals
    const sum = (counts: Partial<Record<string, number>>) =>
      Object.values(counts).reduce<number>((total, count) => total + (count ?? 0), 0)
    expect(this.totals.in).toBe(emitted + sum(dropped) + sum(deadLettered) + waiting)
    expect(this.operator.waiting).toBe(waiting)
    expect(this.state.size).toBe(waiting)
    expect(this.outputs.length).toBe(emitted + sum(deadLettered))
    expect(this.outcomes.length).toBe(sum(dropped) + sum(deadLettered))
  }
}

/** @returns the headers of a record as text */
export function headerTexts(headers: Headers): (readonly [string, string | null])[] {
  return headers.map(([name, value]) => [name, value && Buffer.from(value).toString()] as const)
}
