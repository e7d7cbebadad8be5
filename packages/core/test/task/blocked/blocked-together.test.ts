import { afterEach, describe, expect, it } from 'vitest'
import { produce } from '../../../src/app/produce.js'
import { type App, type Duration, json, type Pipeline, stream, table, text, topic } from '../../../src/index.js'
import { blockableProcess, type Event, events, eventsOf, results, rows, values } from './blockable-process.js'

const SESSION_MS = 10_000
const LIMIT = { timeout: 20_000, interval: 5 }

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/**
 * A process that loses its tasks whenever its event loop has not run for longer than the session: what it has processed since then is
 * not committed.
 */
function process(topics?: Parameters<typeof blockableProcess>[0]) {
  const blockable = blockableProcess(topics)
  const { clock, block, loseTasks } = blockable
  let turnAt = clock.monotonic()
  let turn = setImmediate(function next() {
    turnAt = clock.monotonic()
    turn = setImmediate(next)
  })
  stops.push(async () => clearImmediate(turn))
  const runs: number[] = []
  /** Functions run for an event. */
  const work = <T extends Event>(event: T, ms: number): T => {
    runs.push(event.i)
    block(ms)
    if (clock.monotonic() - turnAt > SESSION_MS) loseTasks()
    return event
  }
  const start = async (pipeline: Pipeline): Promise<App> => {
    const app = await blockable.start(pipeline)
    stops.push(() => app.close())
    return app
  }
  return { ...blockable, work, start, runs }
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

const waiting = (work: (event: Event) => Event, atMost: Duration = '10h') =>
  stream(events)
    .join(table(rows), (event, { r }) => ({ i: work(event).i, r }), { wait: { atMost, otherwise: 'drop' } })
    .to(results)

describe('functions that take a part of the session for each of many records', () => {
  it('do not lose the task when a row releases many events of its key, and all of them are joined with that row', async () => {
    const { inner, start, work, runs, losses } = process()
    await produce(inner, events, ...eventsOf(200))
    const app = await start(waiting((event) => work(event, 100)))
    await expect.poll(() => app.metrics().pipelines.events, LIMIT).toMatchObject({ in: 200, waiting: 200 })
    // the second row is read together with the first one
    await produce(inner, rows, { key: 'k', value: { r: 1 } }, { key: 'k', value: { r: 2 } })
    await expect.poll(() => app.metrics().pipelines.events, LIMIT).toMatchObject({ emitted: 200, waiting: 0 })
    expect([losses(), runs]).toEqual([0, upTo(200)])
    expect(await values(inner, 'results')).toEqual(upTo(200).map((i) => ({ i, r: 1 })))
  })

  it('do not lose the task when a row releases thousands of events of its key', async () => {
    const { inner, start, work, runs, losses } = process()
    await produce(inner, events, ...eventsOf(20_000))
    const app = await start(waiting((event) => work(event, 1)))
    await expect.poll(() => app.metrics().pipelines.events, LIMIT).toMatchObject({ waiting: 20_000 })
    await produce(inner, rows, { key: 'k', value: { r: 1 } })
    await expect.poll(() => app.metrics().pipelines.events, LIMIT).toMatchObject({ emitted: 20_000, waiting: 0 })
    expect([losses(), runs.length]).toEqual([0, 20_000])
  })

  it('do not lose the task when the waits of many events of a key end', async () => {
    const { inner, start, clock, block, work, runs, losses } = process()
    await produce(inner, rows, { key: 'other', value: { r: 1 } })
    await produce(inner, events, ...eventsOf(200))
    let isSlow = false
    const pipeline = stream(events)
      .mapValues((event) => (isSlow ? work(event, 100) : event))
      .join(table(rows), ({ i }, { r }) => ({ i, r }), { wait: { atMost: '1h', otherwise: 'drop' } })
      .to(results)
    const app = await start(pipeline)
    await expect.poll(() => app.metrics().pipelines.events, LIMIT).toMatchObject({ waiting: 200 })
    isSlow = true
    block(3_600_000) // the deadlines pass
    for (const _ of [1, 2]) await clock.yieldToEventLoop()
    await produce(inner, rows, { key: 'other', value: { r: 2 } }) // wakes the task
    await expect
      .poll(() => app.metrics().pipelines.events, LIMIT)
      .toMatchObject({ waiting: 0, dropped: { 'no-row': 200 } })
    expect([losses(), runs]).toEqual([0, upTo(200)])
  })

  it('do not lose the task when the events wait in the state of a former process', async () => {
    const first = process()
    await produce(first.inner, events, ...eventsOf(200))
    const former = await first.start(waiting((event) => event))
    await expect.poll(() => former.metrics().pipelines.events, LIMIT).toMatchObject({ waiting: 200 })
    await former.close()
    await produce(first.inner, rows, { key: 'k', value: { r: 1 } })
    const app = await first.start(waiting((event) => first.work(event, 100)))
    await expect.poll(() => app.metrics().pipelines.events, LIMIT).toMatchObject({ emitted: 200, waiting: 0 })
    expect([first.losses(), first.runs]).toEqual([0, upTo(200)])
  })

  it('do not lose the task if they take a part of the session for every event of a stream', async () => {
    const { inner, start, work, runs, losses, told } = process()
    await produce(inner, rows, { key: 'k', value: { r: 1 } })
    await produce(inner, events, ...eventsOf(16))
    const app = await start(waiting((event) => work(event, 2_000)))
    await expect.poll(() => app.metrics().pipelines.events, LIMIT).toMatchObject({ in: 16, emitted: 16 })
    expect([losses(), runs]).toEqual([0, upTo(16)])
    const blocked = told.flatMap((event) => (event.type === 'blocked' ? [[event.offset, event.lastOffset]] : []))
    expect(blocked).toEqual(upTo(16).map((i) => [i, i]))
  })

  it.each([
    [2_000, 1],
    [1_200, 0],
  ])('lose the task once at most if events become slow after fast ones: %i ms each', async (ms, most) => {
    const { inner, start, work, runs, losses } = process()
    await produce(inner, rows, { key: 'k', value: { r: 1 } })
    await produce(inner, events, ...eventsOf(60))
    const app = await start(waiting((event) => work(event, event.i < 20 ? 0 : ms)))
    await expect.poll(() => app.metrics().pipelines.events, LIMIT).toMatchObject({ in: 60, emitted: 60 })
    expect(losses()).toBeLessThanOrEqual(most)
    expect(runs.length).toBeLessThanOrEqual(60 + most * 28)
    expect(await values(inner, 'results')).toEqual(upTo(60).map((i) => ({ i, r: 1 })))
  })

  it('do not lose the task if they decode the records of a table', async () => {
    const { inner, start, work, runs, losses } = process({ topics: { rows: { cleanup: 'compact' } } })
    const serde = json<Event & { r: number }>()
    const plain = topic('rows', { key: text(), value: serde })
    await produce(inner, plain, ...upTo(16).map((i) => ({ key: `k${i}`, value: { i, r: i } })))
    await produce(inner, events, ...eventsOf(1, 'k15'))
    const slow = topic('rows', {
      key: text(),
      value: { ...serde, decode: (bytes) => work(serde.decode(bytes), 2_000) },
    })
    const pipeline = stream(events)
      .join(table(slow), ({ i }, { r }) => ({ i, r }))
      .to(results)
    const app = await start(pipeline)
    await expect.poll(() => app.metrics().pipelines.events, LIMIT).toMatchObject({ emitted: 1 })
    expect([losses(), runs]).toEqual([0, upTo(16)])
  })

  it('do not lose the task if they run before calls, when records are taken and when calls are claimed', async () => {
    const { inner, start, work, runs, losses } = process()
    await produce(inner, events, ...upTo(16).map((i) => ({ key: `k${i}`, value: { i } })))
    const pipeline = stream(events)
      .mapValues((event) => work(event, 2_000))
      .callOnce(async ({ i }) => ({ i, r: 0 }), { inDoubt: { deadLetter: 'in-doubt' }, concurrency: 16 })
      .to(results)
    const app = await start(pipeline)
    await expect.poll(() => app.metrics().pipelines.events, LIMIT).toMatchObject({ in: 16, emitted: 16 })
    expect([losses(), runs.length]).toEqual([0, 32])
  })
})
