import assert from 'node:assert/strict'
import type { Clock, Timer } from '../../clock.js'
import { isJoineryError } from '../../errors.js'
import type { Batch, Log, LogSource, ReadPosition, TaskSession, TaskWork, TopicInfo } from '../../log/contract.js'
import type { LogRecord, NewRecord, Origin } from '../../record.js'
import type { LogFixture } from './log-fixture.js'

export const TIMESTAMP = 1_700_000_000_000

/** @returns a record to append */
export const record = (
  topic: string,
  key: string | null,
  value: string | null,
  more: Partial<NewRecord> = {},
): NewRecord => ({
  topic,
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  timestamp: TIMESTAMP,
  headers: [],
  ...more,
})

export const plain = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString()

export const values = (records: readonly LogRecord[]): (string | null)[] => records.map(({ value }) => plain(value))

/** @returns the contents of a commit: outputs, and one changelog record */
export const work = (outputs: readonly NewRecord[], key: string, value: string): TaskWork => ({
  outputs,
  changelog: [{ key: Buffer.from(key), value: Buffer.from(value) }],
  offsets: new Map(),
})

/** @returns a check of the error code, for `assert.rejects` */
export const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    isJoineryError(error) && error.code === code

/** The log of one test. Every wait has a timeout, and fails with a description of what did not happen. */
export class LogTrial {
  readonly log: Log<never>
  readonly fixture: LogFixture
  readonly #clock: Clock
  readonly #timeoutMs: number

  constructor(fixture: LogFixture, clock: Clock, timeoutMs: number) {
    this.fixture = fixture
    this.log = fixture.log
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /** @param problem describes what is wrong if the promise does not settle in time */
  async withTimeout<T>(promise: Promise<T>, problem: () => string): Promise<T> {
    let timer: Timer | undefined
    const timedOut = new Promise<never>((_, reject) => {
      timer = this.#clock.setTimeout(
        () => reject(new assert.AssertionError({ message: `after ${this.#timeoutMs} ms, ${problem()}` })),
        this.#timeoutMs,
      )
    })
    try {
      return await Promise.race([promise, timedOut])
    } finally {
      timer?.cancel()
    }
  }

  /** Reads batches from an offset onwards, and checks each of them. */
  async *batches(
    from: ReadPosition,
    signal: AbortSignal = new AbortController().signal,
    source: Pick<LogSource, 'read'> = this.log.source,
  ): AsyncGenerator<Batch, void, void> {
    const stop = new AbortController()
    const reader = source.read(from, AbortSignal.any([signal, stop.signal]))[Symbol.asyncIterator]()
    const at = `${from.topic}[${from.partition}]`
    let { offset } = from
    let end: number | undefined
    try {
      for (;;) {
        const step = await this.withTimeout(
          reader.next(),
          () => `the reader of ${at} is at offset ${offset}, with the end at ${end}, and has yielded no batch`,
        )
        if (step.done) return
        checkBatch(step.value, from, offset)
        offset = step.value.next
        end = step.value.end
        yield step.value
      }
    } finally {
      stop.abort()
      await this.withTimeout(
        Promise.resolve(reader.return?.()),
        () => `the reader of ${at} has not ended although its signal was aborted`,
      )
    }
  }

  /** Reads until the next offset has reached `until`, and closes the reader. */
  async readTo(
    from: ReadPosition,
    until: number,
    source: Pick<LogSource, 'read'> = this.log.source,
  ): Promise<LogRecord[]> {
    const records: LogRecord[] = []
    if (from.offset >= until) return records
    let { offset } = from
    for await (const batch of this.batches(from, undefined, source)) {
      records.push(...batch.records)
      offset = batch.next
      if (offset >= until) break
    }
    assert.ok(
      offset >= until,
      `a reader must continue until its signal aborts, but it ended at offset ${offset}, before ${until}`,
    )
    return records
  }

  /** Reads up to the high watermark: a commit can be acknowledged shortly before its records can be read. */
  async readAll(topic: string, partition = 0): Promise<LogRecord[]> {
    const at = { topic, partition }
    const from = { ...at, offset: await this.log.source.earliestOffset(at) }
    return this.readTo(from, await this.log.source.endOffset(at, 'high-watermark'))
  }

  topic(partitions = 1, compact = false): Promise<string> {
    return this.fixture.createTopic({ partitions, compact })
  }

  /** Prepares a new application. */
  async prepared(partitions: number): Promise<{ readonly application: string; readonly changelog: TopicInfo }> {
    const application = this.fixture.application()
    const changelog = await this.log.tasks.prepare({ application, partitions, maxMessageBytes: 1_048_588 })
    return { application, changelog }
  }
}

function checkBatch({ records, next, end }: Batch, from: Origin, offset: number): void {
  let lowest = offset
  for (const record of records) {
    assert.ok(record.offset >= lowest, `offsets must ascend, but ${record.offset} follows ${lowest - 1}`)
    assert.deepEqual([record.topic, record.partition], [from.topic, from.partition])
    lowest = record.offset + 1
  }
  assert.ok(next >= lowest, `the next offset is ${next}, but the batch has records up to ${lowest - 1}`)
  assert.ok(Number.isSafeInteger(next) && Number.isSafeInteger(end), 'offsets must be safe integers')
}

/**
 * Commits, and fails unless the outcome is `'committed'`.
 *
 * @returns the offset of the last changelog record
 */
export async function committed(session: TaskSession, contents: TaskWork): Promise<number> {
  const result = await session.commit(contents)
  assert.equal(
    result.outcome,
    'committed',
    `a commit without a later owner must succeed, but its outcome is ${result.outcome}`,
  )
  return result.outcome === 'committed' ? result.changelogOffset : -1
}

/** Registers a test, which gets its own log. */
export type LogTest = (title: string, body: (trial: LogTrial) => Promise<void>) => void
