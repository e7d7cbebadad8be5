import assert from 'node:assert/strict'
import type { Clock, Timer } from '../../clock.js'
import { isJoineryError } from '../../errors.js'
import type { Batch, Log, LogSource, TaskSession, TaskWork, TopicInfo, TopicPartition } from '../../log/contract.js'
import type { LogRecord, NewRecord, Origin } from '../../record.js'

/** A log to test, with what tests need beside it. */
export interface LogFixture {
  /** The log; it is disposed of after the test. */
  readonly log: Log<never>
  /** Makes an empty topic that keeps records of any age, and answers its name: the suite's are from 2023. */
  createTopic(options: { readonly partitions: number; readonly compact: boolean }): Promise<string>
  /** An application name that nobody has used. */
  application(): string
  /** A topic that does not exist; left out by a log whose topics appear on first use. */
  readonly missingTopic?: string
  /** Deletes at least what is before `offset`, as retention does; left out by a log that deletes nothing. */
  trim?(at: TopicPartition, offset: number): Promise<void>
}

export const TIMESTAMP = 1_700_000_000_000

/** A record to append. */
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

/** One commit: outputs, and one record of the changelog. */
export const work = (outputs: readonly NewRecord[], key: string, value: string): TaskWork => ({
  outputs,
  changelog: [{ key: Buffer.from(key), value: Buffer.from(value) }],
  offsets: new Map(),
})

/** For `assert.rejects`. */
export const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    isJoineryError(error) && error.code === code

/** The log of one test. Whatever it waits for, it waits for so long, and then says what did not come. */
export class LogTrial {
  readonly log: Log<never>
  readonly fixture: LogFixture
  readonly #clock: Clock
  readonly #patienceMs: number

  constructor(fixture: LogFixture, clock: Clock, patienceMs: number) {
    this.fixture = fixture
    this.log = fixture.log
    this.#clock = clock
    this.#patienceMs = patienceMs
  }

  async within<T>(promise: Promise<T>, what: () => string): Promise<T> {
    let timer: Timer | undefined
    const late = new Promise<never>((_, reject) => {
      timer = this.#clock.setTimeout(
        () => reject(new assert.AssertionError({ message: `${this.#patienceMs} ms have passed, and ${what()}` })),
        this.#patienceMs,
      )
    })
    try {
      return await Promise.race([promise, late])
    } finally {
      timer?.cancel()
    }
  }

  /** Batches from an offset on, each of which is looked at. */
  async *batches(
    from: Origin,
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
        const step = await this.within(
          reader.next(),
          () => `the reader of ${at} stands at ${offset} and knows of an end at ${end}, but nothing comes`,
        )
        if (step.done) return
        checkBatch(step.value, from, offset)
        offset = step.value.next
        end = step.value.end
        yield step.value
      }
    } finally {
      stop.abort()
      await this.within(
        Promise.resolve(reader.return?.()),
        () => `the reader of ${at} goes on though it was told to stop`,
      )
    }
  }

  /** Reads until the position has reached `until`, and closes the reader. */
  async readTo(from: Origin, until: number, source: Pick<LogSource, 'read'> = this.log.source): Promise<LogRecord[]> {
    const records: LogRecord[] = []
    if (from.offset >= until) return records
    let { offset } = from
    for await (const batch of this.batches(from, undefined, source)) {
      records.push(...batch.records)
      offset = batch.next
      if (offset >= until) break
    }
    assert.ok(offset >= until, `a reader goes on until it is told to stop, but it ended at ${offset}, before ${until}`)
    return records
  }

  /** Up to the written end: a commit may be answered a moment before its records can be read. */
  async readAll(topic: string, partition = 0): Promise<LogRecord[]> {
    const at = { topic, partition }
    const from = { ...at, offset: await this.log.source.earliestOffset(at) }
    return this.readTo(from, await this.log.source.endOffset(at, 'high-watermark'))
  }

  topic(partitions = 1, compact = false): Promise<string> {
    return this.fixture.createTopic({ partitions, compact })
  }

  /** An application's name and changelog. */
  async prepared(partitions: number): Promise<{ readonly application: string; readonly changelog: TopicInfo }> {
    const application = this.fixture.application()
    const changelog = await this.log.tasks.prepare({ application, partitions, maxMessageBytes: 1_048_588 })
    return { application, changelog }
  }
}

function checkBatch({ records, next, end }: Batch, from: Origin, offset: number): void {
  let least = offset
  for (const record of records) {
    assert.ok(
      record.offset >= least,
      `after offset ${least - 1} comes ${record.offset}: offsets rise, from the first on`,
    )
    assert.deepEqual([record.topic, record.partition], [from.topic, from.partition])
    least = record.offset + 1
  }
  assert.ok(next >= least, `the next offset is ${next}, but records up to ${least - 1} came`)
  assert.ok(Number.isSafeInteger(next) && Number.isSafeInteger(end), 'offsets are safe integers')
}

/** Commits, and insists on it. */
export async function committed(session: TaskSession, of: TaskWork): Promise<number> {
  const result = await session.commit(of)
  assert.equal(result.outcome, 'committed', `a commit that nobody disturbs is committed, not ${result.outcome}`)
  return result.outcome === 'committed' ? result.changelogOffset : -1
}

/** Registers a test that gets a log of its own. */
export type LogTest = (title: string, body: (trial: LogTrial) => Promise<void>) => void
