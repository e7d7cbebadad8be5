import { describe, expect, it } from 'vitest'
import { produce } from '../../../src/app/produce.js'
import { delay } from '../../../src/clock.js'
import { consume, memoryLog, run, stream, type TableOptions, table } from '../../../src/index.js'
import type { Batch, Log, LogSource, TopicInfo } from '../../../src/log.js'
import { ManualClock } from '../../../src/testing.js'
import { activations, information, notifications } from '../../app/activation.js'

const HOUR_MS = 3_600_000
/** Topics in memory keep tombstones for a day. */
const DAY_MS = 24 * HOUR_MS
const byTimestamp = { order: 'by-timestamp' } as const

const joined = (options: TableOptions) =>
  stream(activations)
    .leftJoin(table(information, options), ({ n }, row) => ({ n, id: row?.id ?? 'no row' }))
    .to(notifications)

/** A log in memory in which compaction removes the records of the table that a test says. */
class CompactedLog {
  readonly clock = new ManualClock(0)
  readonly log: Log<'exactly-once'>
  deleteRetentionMs = DAY_MS
  /** How often the table was read from its beginning. */
  readsFromStart = 0
  /** Whether reading the table makes no progress. */
  isBlocked = false
  /** How long it takes to read the table. */
  readMs = 0
  /** Called after a batch of the table was read. */
  afterRead: (batch: Batch) => void = () => {}
  readonly #source: LogSource
  readonly #removed = new Set<number>()

  constructor(cleanup: TopicInfo['cleanup'] = 'compact') {
    const inner = memoryLog({
      clock: this.clock,
      topics: { information: { cleanup: cleanup === 'delete' ? cleanup : 'compact' } },
    })
    this.#source = inner.source
    const isTable = (topic: string) => topic === information.name
    const describeTopics = async (topics: readonly string[]) => {
      const { deleteRetentionMs } = this
      const infos = await this.#source.describe(topics)
      return infos.map((info) => (isTable(info.topic) ? { ...info, cleanup, deleteRetentionMs } : info))
    }
    this.log = {
      ...inner,
      source: {
        ...this.#source,
        describe: describeTopics,
        read: (from, signal) => (isTable(from.topic) ? this.#read(from, signal) : this.#source.read(from, signal)),
      },
    }
  }

  async *#read(...[from, signal]: Parameters<LogSource['read']>): AsyncGenerator<Batch, void, void> {
    if (from.offset === 0) this.readsFromStart++
    for await (const batch of this.#source.read(from, signal)) {
      if (this.readMs > 0) await delay(this.clock, this.readMs, signal)
      while (this.isBlocked && !signal.aborted) await delay(this.clock, 60_000, signal)
      if (signal.aborted) return
      const read = { ...batch, records: batch.records.filter(({ offset }) => !this.#removed.has(offset)) }
      this.afterRead(read)
      yield read
    }
  }

  /** Compaction removes these records of the table. */
  remove(...offsets: readonly number[]): void {
    for (const offset of offsets) this.#removed.add(offset)
  }

  row(key: string, id: string | null): Promise<void> {
    return produce(this.log, information, { key, value: id === null ? null : { id }, timestamp: this.clock.now() })
  }

  event(key: string, n: number): Promise<void> {
    return produce(this.log, activations, { key, value: { n }, timestamp: this.clock.now() })
  }

  async start(options: TableOptions = {}) {
    const { log, clock } = this
    const retried: string[] = []
    const app = await run(joined(options), {
      ...{ application: 'a', log, clock, commitEvery: '0ms' },
      onEvent: (event) => event.type === 'retrying' && retried.push(event.error.message),
    })
    await app.ready
    return { app, retried }
  }

  /** The application runs until it has processed what there is. */
  async session(options: TableOptions = {}): Promise<readonly string[]> {
    const { app } = await this.start(options)
    await this.clock.advance(1_000)
    const { problems } = app.health()
    await app.close()
    return problems
  }

  /** @returns the rows with which the events were joined, by the number of the event */
  async outputs(): Promise<Record<number, string>> {
    const found: Record<number, string> = {}
    for await (const { value } of consume(this.log, notifications, { until: 'end' }))
      if (value !== null) found[value.n] = value.id
    return found
  }
}

describe('a row whose deletion compaction removed while the application was down', () => {
  it('is deleted, and the topic is compared only once', async () => {
    const world = new CompactedLog()
    await world.row('deleted', 'a')
    await world.row('kept', 'b')
    await world.session(byTimestamp)
    await world.clock.advance(2 * DAY_MS)
    await world.row('deleted', null)
    await world.row('new', 'c')
    world.remove(0, 2)
    await world.event('deleted', 1)
    await world.event('kept', 2)
    await world.event('new', 3)
    const reads = world.readsFromStart
    expect(await world.session(byTimestamp)).toEqual([])
    expect(await world.outputs()).toEqual({ 1: 'no row', 2: 'b', 3: 'c' })
    expect(world.readsFromStart).toBe(reads + 1)
    await world.event('deleted', 4)
    await world.session(byTimestamp)
    expect(await world.outputs()).toMatchObject({ 4: 'no row' })
    expect(world.readsFromStart).toBe(reads + 1)
  })

  it('is not found by queries, and stays deleted after a crash', async () => {
    const world = new CompactedLog()
    await world.row('deleted', 'a')
    await world.session(byTimestamp)
    await world.clock.advance(2 * DAY_MS)
    await world.row('deleted', null)
    world.remove(0, 1)
    const { app } = await world.start(byTimestamp)
    expect(await app.query(table(information, byTimestamp)).get('deleted')).toBeUndefined()
    await world.clock.advance(1_000)
    await (app as unknown as { crash(): Promise<void> }).crash()
    await world.event('deleted', 1)
    await world.session(byTimestamp)
    expect(await world.outputs()).toEqual({ 1: 'no row' })
  })

  it('is the new row once that was written again', async () => {
    const world = new CompactedLog()
    await world.row('k', 'old')
    await world.session(byTimestamp)
    await world.clock.advance(2 * DAY_MS)
    await world.row('k', null)
    await world.row('k', 'new')
    world.remove(0, 1)
    await world.clock.advance(1)
    await world.event('k', 1)
    await world.session(byTimestamp)
    expect(await world.outputs()).toEqual({ 1: 'new' })
  })

  it('is not compared with the topic after less than half the life of tombstones', async () => {
    const world = new CompactedLog()
    await world.row('k', 'a')
    await world.session(byTimestamp)
    const reads = world.readsFromStart
    await world.clock.advance(11 * HOUR_MS)
    await world.event('k', 1)
    await world.session(byTimestamp)
    expect(await world.outputs()).toEqual({ 1: 'a' })
    expect(world.readsFromStart).toBe(reads)
  })

  it('is compared if the time is unknown, because an earlier version wrote the position', async () => {
    const world = new CompactedLog()
    await world.row('k', 'a')
    await world.session(byTimestamp)
    const reads = world.readsFromStart
    const { sink } = world.log
    const last = { topic: 'a-changelog', partition: 0 }
    const end = await world.log.source.endOffset(last, 'last-stable-offset')
    let position: Uint8Array | undefined
    for await (const { records, next } of world.log.source.read({ ...last, offset: 0 }, new AbortController().signal)) {
      for (const { key, value } of records) if (key?.[1] === 1 && value !== null) position = value
      if (next >= end) break
    }
    const text = Buffer.from(position as Uint8Array).toString()
    expect(text).toContain('"caughtUpAt":')
    const value = Buffer.from(text.replace(/,"caughtUpAt":\d+/, ''))
    await sink.append([{ ...last, key: Buffer.from([1, 1]), value, timestamp: 0, headers: [] }])
    await world.session(byTimestamp)
    expect(world.readsFromStart).toBe(reads + 1)
  })
})

describe('a deletion that is still in the topic when the rows are compared', () => {
  it('takes effect at its time, even if compaction removes it before it is processed', async () => {
    const world = new CompactedLog()
    await world.row('k', 'a')
    await world.session(byTimestamp)
    await world.clock.advance(2 * DAY_MS)
    await world.event('k', 1)
    await world.clock.advance(1_000)
    await world.row('k', null)
    await world.row('other', 'b')
    await world.clock.advance(1_000)
    await world.event('k', 2)
    world.remove(0)
    // compared from offset 0, then processed from offset 1 on
    let batches = 0
    world.afterRead = () => {
      if (batches++ === 0) world.remove(1)
    }
    await world.session(byTimestamp)
    expect(await world.outputs()).toEqual({ 1: 'a', 2: 'no row' })
    await world.event('k', 3)
    await world.session(byTimestamp)
    expect(await world.outputs()).toMatchObject({ 3: 'no row' })
  })
})

describe('a row whose deletion compaction removed while the application could not read the table', () => {
  it('is deleted before an event is joined', async () => {
    const world = new CompactedLog()
    await world.row('k', 'a')
    const { app, retried } = await world.start(byTimestamp)
    world.isBlocked = true
    await world.row('k', null)
    await world.row('other', 'b')
    await world.clock.advance(13 * HOUR_MS)
    world.remove(0, 1)
    await world.event('k', 1)
    expect(await world.outputs()).toEqual({})
    world.isBlocked = false
    await world.clock.advance(HOUR_MS)
    expect(retried).toEqual([
      "STORE_BEHIND: table information[0] has not been read to its end for more than half of its topic's delete.retention.ms: comparing its rows with the topic",
    ])
    expect(await world.outputs()).toEqual({ 1: 'no row' })
    expect(app.health()).toMatchObject({ ready: true, problems: [] })
    await app.close()
  })

  it('ends the application if comparing takes too long five times in a row, with the setting that would do', async () => {
    const world = new CompactedLog()
    await world.row('k', 'a')
    await world.session(byTimestamp)
    await world.clock.advance(2 * DAY_MS)
    world.readMs = 13 * HOUR_MS
    const { log, clock } = world
    const app = await run(joined(byTimestamp), { application: 'a', log, clock })
    const failure = app.closed.catch((error: unknown) => error)
    for (let tries = 0; tries < 6 && app.health().live; tries++) await clock.advance(14 * HOUR_MS)
    expect(await failure).toMatchObject({
      code: 'TOPIC_UNSUITABLE',
      // four times as long as it took
      message: expect.stringContaining(`set delete.retention.ms of information to at least ${4 * 13 * HOUR_MS}`),
    })
  })
})

describe('a table whose topic is compacted and deletes', () => {
  it.each([byTimestamp, {}])(
    'names the deletions that it may have missed, until the setting would do: %o',
    async (options) => {
      const world = new CompactedLog('compact,delete')
      await world.row('k', 'a')
      expect(await world.session(options)).toEqual([])
      await world.clock.advance(2 * DAY_MS)
      await world.row('k', null)
      world.remove(0, 1)
      const [problem, ...others] = await world.session(options)
      const [from, to, ms] =
        /between (\S+ \S+ UTC) and (\S+ \S+ UTC): .* for (\d+) ms,/.exec(problem as string)?.slice(1) ?? []
      expect(others).toEqual([])
      expect(from).toMatch(/^1970-01-01 00:00:0\d UTC$/)
      expect(to).toMatch(/^1970-01-03 00:00:\d\d UTC$/)
      expect(Number(ms)).toBeGreaterThanOrEqual(2 * DAY_MS)
      expect(problem).toContain(`delete.retention.ms of its topic, which also deletes rows by itself, is ${DAY_MS}`)
      expect(problem).toContain(`set delete.retention.ms to at least ${ms}`)
      // it lasts: the rows stay
      expect(await world.session(options)).toEqual([problem])
      world.deleteRetentionMs = Number(ms)
      expect(await world.session(options)).toEqual([])
    },
  )

  it('keeps rows that retention has removed', async () => {
    const world = new CompactedLog('compact,delete')
    await world.row('k', 'a')
    await world.session(byTimestamp)
    await world.clock.advance(2 * DAY_MS)
    world.remove(0)
    await world.event('k', 1)
    await world.session(byTimestamp)
    expect(await world.outputs()).toEqual({ 1: 'a' })
  })

  it('has no such problem if it was down for less than the life of tombstones', async () => {
    const world = new CompactedLog('compact,delete')
    await world.row('k', 'a')
    await world.session()
    await world.clock.advance(23 * HOUR_MS)
    expect(await world.session()).toEqual([])
  })

  it('has it while it cannot be read, and when the first load takes longer', async () => {
    const world = new CompactedLog('compact,delete')
    await world.row('k', 'a')
    world.isBlocked = true
    const { log, clock } = world
    const app = await run(joined({}), { application: 'a', log, clock })
    await clock.advance(23 * HOUR_MS)
    expect(app.health().problems).toEqual([])
    await clock.advance(2 * HOUR_MS)
    const named = [
      expect.stringMatching(/may have rows that were deleted between .* delete.retention.ms .* is 86400000/),
    ]
    expect(app.health().problems).toEqual(named)
    world.isBlocked = false
    await clock.advance(HOUR_MS)
    expect(app.health()).toMatchObject({ ready: true, problems: named })
    await app.close()
  })
})

it('needs no end offset for tombstones, and has no problem, if its topic is not compacted', async () => {
  const world = new CompactedLog('delete')
  await world.row('k', 'a')
  await world.session()
  await world.clock.advance(20 * DAY_MS)
  await world.event('k', 1)
  expect(await world.session()).toEqual([])
  expect(await world.outputs()).toEqual({ 1: 'a' })
})

it('stays fresh by itself where the log responds, for days without a record', async () => {
  const world = new CompactedLog()
  await world.row('k', 'a')
  const { app, retried } = await world.start(byTimestamp)
  await world.clock.advance(5 * DAY_MS)
  await (app as unknown as { crash(): Promise<void> }).crash()
  const reads = world.readsFromStart
  await world.session(byTimestamp)
  expect([retried, world.readsFromStart]).toEqual([[], reads])
})
