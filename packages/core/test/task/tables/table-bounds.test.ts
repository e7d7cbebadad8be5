import { describe, expect, it } from 'vitest'
import { produce } from '../../../src/app/produce.js'
import {
  type App,
  type AppEvent,
  json,
  type Log,
  memoryLog,
  memoryStores,
  type RunOptions,
  run,
  stream,
  type TableOptions,
  table,
  text,
  topic,
} from '../../../src/index.js'
import { openMetrics } from '../../../src/openmetrics.js'
import type { StateStores } from '../../../src/store.js'
import { ManualClock } from '../../../src/testing.js'

const events = topic('events', { key: text(), value: json<number>() })
const rows = topic('rows', { key: text(), value: text() })
const prices = topic('prices', { key: text(), value: text() })
const results = topic('results', { key: text(), value: json<unknown>() })
const DEAD = 'events.dead'

type Order = TableOptions & { readonly wait?: boolean }

/** Joins events with rows. A row takes one byte for its key, and the bytes of its value. */
const pipelineOf = ({ wait = false, ...options }: Order) =>
  stream(events)
    .join(
      table(rows, options),
      (value, row) => ({ value, row }),
      wait ? { wait: { atMost: '1s', otherwise: { deadLetter: DEAD } } } : {},
    )
    .to(results)

/** In small steps, so that what comes of each is done before the next. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) await clock.advance(50)
}

interface World {
  readonly clock: ManualClock
  readonly log: Log
}

const newWorld = (cleanup: 'compact' | 'delete' = 'compact', partitions = 1): World => {
  const clock = new ManualClock(0)
  return { clock, log: memoryLog({ clock, partitions, topics: { rows: { cleanup }, prices: { cleanup } } }) }
}

/** Starts an application, and waits until nothing more happens. */
async function started(
  { clock, log }: World,
  of: Order | Parameters<typeof run>[0],
  more: Partial<RunOptions> = {},
): Promise<{ readonly app: App; readonly told: AppEvent[] }> {
  const told: AppEvent[] = []
  const pipeline = 'kind' in of || Array.isArray(of) ? (of as Parameters<typeof run>[0]) : pipelineOf(of as Order)
  const app = await run(pipeline, {
    application: 'a',
    log,
    clock,
    commitEvery: '1ms',
    onEvent: (event) => void (event.type.startsWith('table-') && told.push(event)),
    ...more,
  })
  app.closed.catch(() => {})
  await pass(clock, 500)
  return { app, told }
}

let timestamps = 1_000
/** Rows, one after the other: `a` with 4 bytes is `['a', 4]`; `undefined` deletes. */
const put = (
  { log }: World,
  ...of: readonly (readonly [key: string, bytes: number | undefined, partition?: number])[]
) =>
  log.sink.append(
    of.map(([key, bytes, partition = 0]) => ({
      topic: rows.name,
      partition,
      key: Buffer.from(key),
      value: bytes === undefined ? null : Buffer.from('x'.repeat(bytes)),
      timestamp: ++timestamps,
      headers: [],
    })),
  )
const event = ({ log }: World, key: string) => produce(log, events, { key, value: 1, timestamp: ++timestamps })
const sizeOf = (app: App) => app.metrics().tables.rows?.storedBytes
const inOf = (app: App) => app.metrics().pipelines.events

describe('a table that has reached its bound', () => {
  it('is filled exactly to it, and stops in front of the record that does not fit', async () => {
    const world = newWorld()
    const { app, told } = await started(world, { maxBytes: 10 })
    await app.ready
    await put(world, ['a', 4], ['b', 4], ['c', 0])
    await pass(world.clock, 200)
    expect(app.metrics().tables).toEqual({ rows: { storedBytes: 10 } })
    expect(app.metrics().gauges).toMatchObject({ storedBytes: 10, storedRows: 2, pausedTables: 1 })
    const full = { table: 'rows', task: 0, offset: 2, option: 'maxBytes', maxBytes: 10, bytes: 10 }
    expect(told).toEqual([{ type: 'table-paused', ...full }])
    const [problem] = app.health().problems
    for (const part of ['table rows[0] is paused', '10 bytes', 'offset 2', 'maxBytes (10)', 'raise maxBytes'])
      expect(problem).toContain(part)
    await pass(world.clock, 20_000)
    expect(app.health()).toMatchObject({ ready: true, problems: [problem] })
    expect(app.health().stalled).toEqual([{ task: 0, forMs: expect.any(Number), reasons: [problem] }])
    const exposition = openMetrics(app.metrics())
    expect(exposition).toContain('joinery_table_stored_bytes{table="rows"} 10\n')
    expect(exposition).toContain('joinery_stored_bytes 10\n')
    expect(exposition).toContain('joinery_paused_tables 1\n')
    await app.close()
  })

  it('holds up events: a row that was not read is not absent', async () => {
    const world = newWorld()
    const { app } = await started(world, { maxBytes: 10 })
    await put(world, ['a', 4], ['b', 4], ['c', 4])
    await event(world, 'c')
    await event(world, 'a')
    await pass(world.clock, 5_000)
    expect(inOf(app)).toMatchObject({ in: 0, emitted: 0, dropped: {} })
    await app.close()
    const again = await started(world, { maxBytes: 20 })
    expect(inOf(again.app)).toMatchObject({ in: 2, emitted: 2, dropped: {} })
    await again.app.close()
  })

  it('lets no event expire', async () => {
    const world = newWorld()
    const { app } = await started(world, { maxBytes: 10, wait: true })
    await event(world, 'c')
    await pass(world.clock, 100)
    expect(inOf(app)).toMatchObject({ in: 1, waiting: 1 })
    await put(world, ['a', 4], ['b', 4], ['c', 4])
    await pass(world.clock, 60_000)
    expect(inOf(app)).toMatchObject({ in: 1, waiting: 1 })
    expect(app.health().problems).toEqual([expect.stringContaining('table rows[0] is paused')])
    await app.close()
    const again = await started(world, { maxBytes: 20, wait: true })
    expect(inOf(again.app)).toMatchObject({ in: 1, waiting: 0, emitted: 1 })
    await again.app.close()
  })

  it('takes updates and deletions that leave it no larger, and rows in place of what they have freed', async () => {
    const world = newWorld()
    const { app, told } = await started(world, { maxBytes: 10 })
    await put(world, ['a', 4], ['b', 4])
    await pass(world.clock, 100)
    await put(world, ['a', 4], ['b', 2], ['a', undefined], ['c', 4], ['d', 0], ['c', 5])
    await pass(world.clock, 200)
    // b 3, c 5, d 1; the last record would make it 10
    expect(sizeOf(app)).toBe(10)
    await put(world, ['d', 1])
    await pass(world.clock, 200)
    expect(sizeOf(app)).toBe(10)
    expect(told).toEqual([expect.objectContaining({ type: 'table-paused', offset: 8 })])
    await app.close()
  })

  for (const cleanup of ['compact', 'delete'] as const) {
    it(`stops at the same record after a restart, and continues with a larger bound (cleanup.policy=${cleanup})`, async () => {
      const world = newWorld(cleanup)
      const stop = { type: 'table-paused', table: 'rows', task: 0, offset: 2 }
      await put(world, ['a', 4], ['b', 4], ['c', 4], ['d', 4])
      for (const maxBytes of [10, 10, 12]) {
        const { app, told } = await started(world, { maxBytes })
        expect(told).toEqual([{ ...stop, option: 'maxBytes', maxBytes, bytes: 10 }])
        expect(sizeOf(app)).toBe(10)
        expect(app.health()).toMatchObject({ live: true, ready: false, state: 'restoring' })
        await app.close()
      }
      const { app, told } = await started(world, { maxBytes: '1KiB' })
      await app.ready
      expect([told, sizeOf(app)]).toEqual([[], 20])
      await app.close()
    })
  }

  it('restores what was committed, even if that exceeds a bound that was lowered', async () => {
    const world = newWorld()
    await put(world, ['a', 4], ['b', 4])
    const before = await started(world, {})
    await before.app.close()
    const { app, told } = await started(world, { maxBytes: 3 })
    await app.ready
    expect([told, sizeOf(app)]).toEqual([[], 10])
    await put(world, ['a', 3], ['c', 0])
    await pass(world.clock, 200)
    expect(told).toEqual([
      { type: 'table-paused', table: 'rows', task: 0, offset: 3, option: 'maxBytes', maxBytes: 3, bytes: 9 },
    ])
    await app.close()
  })

  it('continues once another task of the instance has deleted rows: its partitions share the bound', async () => {
    const world = newWorld('compact', 2)
    const { app, told } = await started(world, { maxBytes: 10 })
    await put(world, ['a', 4, 1], ['b', 4, 1])
    await pass(world.clock, 100)
    await put(world, ['c', 4, 0])
    await pass(world.clock, 100)
    expect([sizeOf(app), told.length]).toEqual([10, 1])
    await put(world, ['a', undefined, 1])
    await pass(world.clock, 100)
    expect(sizeOf(app)).toBe(10)
    expect(told.slice(1)).toEqual([{ type: 'table-resumed', table: 'rows', task: 0 }])
    expect(app.health()).toMatchObject({ problems: [], stalled: [] })
    expect(app.metrics().gauges.pausedTables).toBe(0)
    await app.close()
  })

  it('continues once a task has moved to another instance', async () => {
    const world = newWorld('compact', 2)
    const { app, told } = await started(world, { maxBytes: 10 })
    await put(world, ['a', 4, 1], ['b', 4, 0])
    await pass(world.clock, 100)
    await put(world, ['c', 4, 0], ['d', 4, 1])
    await pass(world.clock, 100)
    expect([sizeOf(app), told.length]).toEqual([10, 2])
    const other = await started(world, { maxBytes: 10 })
    await pass(world.clock, 1_000)
    expect([sizeOf(app), sizeOf(other.app)]).toEqual([10, 10])
    for (const { problems } of [app.health(), other.app.health()]) expect(problems).toEqual([])
    await app.close()
    await other.app.close()
  })
})

describe('the bound of all tables together', () => {
  it('stops the table whose next record exceeds it', async () => {
    const world = newWorld()
    const both = stream(events)
      .join(table(rows), (value, row) => ({ value, row }))
      .join(table(prices), (value, price) => ({ ...value, price }))
      .to(results)
    const { app, told } = await started(world, both, { maxTableBytes: 10 })
    await put(world, ['a', 4])
    await produce(world.log, prices, { key: 'a', value: '1234', timestamp: ++timestamps })
    await put(world, ['b', 0])
    await pass(world.clock, 100)
    const bound = { option: 'maxTableBytes', maxBytes: 10, bytes: 10 }
    expect(told).toEqual([{ type: 'table-paused', table: 'rows', task: 0, offset: 1, ...bound }])
    expect(app.metrics().tables).toEqual({ rows: { storedBytes: 5 }, prices: { storedBytes: 5 } })
    expect(app.health().problems).toEqual([expect.stringContaining('maxTableBytes (10)')])
    await app.close()
  })
})

describe('a store that does not know its size', () => {
  const unmeasured = (): StateStores => {
    const stores = memoryStores()
    return { open: async (id) => Object.defineProperty(await stores.open(id), 'storedBytes', { value: undefined }) }
  }

  it('is refused for a table with a bound', async () => {
    for (const [options, more] of [
      [{ maxBytes: '1GiB' }, {}],
      [{}, { maxTableBytes: '1GiB' }],
    ] as const) {
      const { app } = await started(newWorld(), options, { ...more, stores: unmeasured() })
      await expect(app.closed).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        message: expect.stringContaining('table rows has a bound, but its store does not know its storedBytes'),
      })
    }
  })

  it('is accepted for others, and has no metric', async () => {
    const world = newWorld()
    const { app } = await started(world, {}, { stores: unmeasured() })
    await app.ready
    expect(app.metrics().tables).toEqual({})
    expect(app.metrics().gauges).not.toHaveProperty('storedBytes')
    await app.close()
  })
})
