import { describe, expect, it } from 'vitest'
import { consume } from '../../src/app/consume.js'
import { produce } from '../../src/app/produce.js'
import {
  type App,
  type Guarantee,
  type Log,
  memoryLog,
  recordOrigin,
  reset,
  run,
  stream,
  table,
  text,
  topic,
} from '../../src/index.js'
import { composeLog, type LogOffsets, type OffsetAndMetadata } from '../../src/log.js'
import type { Pipeline } from '../../src/pipeline/pipeline.js'
import { faultyLog, testDriver } from '../../src/testing.js'

const serdes = { key: text(), value: text() }
const events = topic('events', serdes)
const rows = topic('rows', serdes)
const results = topic('results', serdes)
const joined = stream(events)
  .leftJoin(table(rows), (value, row) => `${value}+${row}`)
  .to(results)
const compacted = { rows: { cleanup: 'compact' } } as const
const LEAST = { application: 'a', guarantee: 'at-least-once', commitEvery: '1ms' } as const
const invalid = (...problems: unknown[]) =>
  expect.objectContaining({
    code: 'PIPELINE_INVALID',
    problems: problems.map((each) => expect.stringMatching(each as string)),
  })

async function resultsOf(log: Pick<Log<never>, 'source'>) {
  const found: { value: string | null; offset: number | undefined }[] = []
  for await (const { value, headers } of consume(log, results, { until: 'end' }))
    found.push({ value, offset: recordOrigin(headers)?.offset })
  return found
}
const taken = (app: App, count: number) => expect.poll(() => app.metrics().pipelines.events?.in).toBe(count)

describe('at-least-once after exactly-once', () => {
  const waiting = stream(events)
    .join(table(rows), (value, row) => `${value}+${row}`, { wait: { atMost: '10m', otherwise: 'drop' } })
    .to(results)
  const EXACTLY = { application: 'a', guarantee: 'exactly-once', commitEvery: '1ms' } as const
  const partitioned = { events: { partitions: 3 }, rows: { ...compacted.rows, partitions: 3 } }

  /** Exactly-once has joined one event, and two wait. */
  async function withWaiting() {
    const log = memoryLog({ topics: partitioned })
    await produce(log, rows, { key: 'k', value: 'r' })
    await produce(log, events, ...['k', 'x', 'y'].map((key) => ({ key, value: key })))
    const app = await run(waiting, { ...EXACTLY, log })
    await taken(app, 3)
    await app.close()
    return log
  }

  it('is refused while events wait, with their number, and then possible', async () => {
    const log = await withWaiting()
    await expect(run(joined, { ...LEAST, log })).rejects.toMatchObject({
      code: 'PIPELINE_CHANGED',
      topic: 'a-changelog',
      message: expect.stringMatching(
        /records still wait .*\(2 of pipeline events\).*run it exactly-once until none waits/,
      ),
    })
    await produce(log, rows, { key: 'x', value: 'r' }, { key: 'y', value: 'r' })
    const draining = await run(waiting, { ...EXACTLY, log })
    await expect.poll(() => draining.metrics().pipelines.events).toMatchObject({ emitted: 3, waiting: 0 })
    await draining.close()
    await using app = await run(joined, { ...LEAST, log })
    await app.ready
  })

  it('is refused for a task in which events began to wait after the start, before its owner gave it up', async () => {
    const log = memoryLog({ topics: compacted })
    const exactly = await run(waiting, { ...EXACTLY, log })
    await exactly.ready
    const least = await run(joined, { ...LEAST, log })
    const failure = least.closed.catch((error: unknown) => error)
    await produce(log, events, { key: 'x', value: 'v' })
    await taken(exactly, 1)
    await exactly.close()
    expect(await failure).toMatchObject({
      code: 'PIPELINE_CHANGED',
      topic: 'a-changelog',
      message: expect.stringContaining('(1 of pipeline events)'),
    })
    expect(await resultsOf(log)).toEqual([])
    // the event has not lost its turn
    await produce(log, rows, { key: 'x', value: 'r' })
    await using again = await run(waiting, { ...EXACTLY, log })
    await expect.poll(() => again.metrics().pipelines.events).toMatchObject({ emitted: 1, waiting: 0 })
    expect(await resultsOf(log)).toEqual([{ value: 'v+r', offset: 0 }])
  })

  it('takes over a task of a running instance in which nothing waits', async () => {
    const log = memoryLog({ topics: compacted })
    const exactly = await run(waiting, { ...EXACTLY, log })
    await exactly.ready
    await using least = await run(joined, { ...LEAST, log })
    await exactly.close()
    await produce(log, events, { key: 'x', value: 'v' })
    await taken(least, 1)
  })

  it('is possible after a reset, which forgets what waits', async () => {
    const log = await withWaiting()
    await reset(waiting, { application: 'a', log })
    await using app = await run(joined, { ...LEAST, log })
    await app.ready
  })

  it('is refused while a call is open', async () => {
    const log = memoryLog({ topics: compacted })
    await produce(log, events, { key: 'k', value: 'v' })
    const inDoubt = { deadLetter: 'doubt' }
    const calls = stream(events).callOnce(() => Promise.reject(new Error('no response')), { inDoubt })
    const app = await run(calls, { ...EXACTLY, log })
    await expect.poll(() => app.metrics().gauges.callsInDoubt).toBe(1)
    await app.close()
    await expect(run(joined, { ...LEAST, log })).rejects.toMatchObject({
      code: 'PIPELINE_CHANGED',
      message: expect.stringContaining('(1 of pipeline events)'),
    })
  })

  it('goes back to where exactly-once was', async () => {
    const log = memoryLog({ topics: compacted })
    await produce(log, events, { key: 'k', value: '1' })
    const first = await run(joined, { ...EXACTLY, log })
    await taken(first, 1)
    await first.close()
    const least = await run(joined, { ...LEAST, log })
    await produce(log, events, { key: 'k', value: '2' })
    await taken(least, 2)
    await least.close()
    await using again = await run(joined, { ...EXACTLY, log })
    await taken(again, 2)
    expect((await resultsOf(log)).map(({ offset }) => offset)).toEqual([0, 0, 1, 1])
  })

  it('leaves no changelog behind in a log that has none', async () => {
    const log = memoryLog({ topics: partitioned })
    await using app = await run(joined, { ...LEAST, log })
    await app.ready
    await app.close()
    await using exactly = await run(joined, { ...EXACTLY, log })
    await exactly.ready
    expect(exactly.metrics().gauges.tasks).toBe(3)
  })
})

describe('at-least-once', () => {
  it('joins, goes on where it was after a restart, and its totals do too', async () => {
    const log = memoryLog({ topics: compacted })
    await produce(log, rows, { key: 'k', value: 'r' })
    await produce(log, events, { key: 'k', value: '1' }, { key: 'other', value: '2' })
    const first = await run(joined, { ...LEAST, log })
    await taken(first, 2)
    await first.close()
    await produce(log, events, { key: 'k', value: '3' })
    await using second = await run(joined, { ...LEAST, log })
    await taken(second, 3)
    expect(second.metrics().pipelines.events).toMatchObject({
      in: 3,
      emitted: 3,
      joined: { rows: 2 },
      unmatched: { rows: 1 },
    })
    expect(second.health()).toMatchObject({ live: true, ready: true, problems: [] })
    expect((await resultsOf(log)).map(({ value }) => value)).toEqual(['1+r', '2+undefined', '3+r'])
  })

  it('has no changelog', async () => {
    const log = memoryLog({ topics: { ...compacted, 'a-changelog': { partitions: 1 } } })
    await produce(log, events, { key: 'k', value: '1' })
    await using app = await run(joined, { ...LEAST, log })
    await taken(app, 1)
    expect(await log.source.endOffset({ topic: 'a-changelog', partition: 0 }, 'high-watermark')).toBe(0)
  })

  it('writes an event again after a crash between output and position, with the same origin, and counts it once', async () => {
    let isCrashing = false
    await using driver = await testDriver(joined, {
      guarantee: 'at-least-once',
      log: (clock) =>
        faultyLog(memoryLog({ clock, topics: compacted }), {
          commit() {
            const fault = isCrashing ? 'appended' : undefined
            isCrashing = false
            return fault
          },
        }),
    })
    await driver.produce(rows, { key: 'k', value: 'r' })
    await driver.produce(events, { key: 'k', value: '1' })
    isCrashing = true
    await driver.produce(events, { key: 'k', value: '2' })
    await driver.restart('crash')
    await driver.produce(events, { key: 'k', value: '3' })
    const outputs = driver.consume(results)
    expect(outputs.map(({ value }) => value)).toEqual(['1+r', '2+r', '2+r', '3+r'])
    expect(outputs.map(({ headers }) => recordOrigin(headers)?.offset)).toEqual([0, 1, 1, 2])
    expect(driver.metrics()).toMatchObject({ in: 3, emitted: 3 })
  })

  it('survives any crash between two steps of a commit', async () => {
    const memory = memoryLog({ topics: compacted })
    const kept = new Map<number, ReadonlyMap<string, OffsetAndMetadata>>()
    let failAt: 'before' | 'after' | undefined
    const offsets: LogOffsets = {
      open: async ({ task }) => ({
        saved: kept.get(task) ?? new Map(),
        save: async (saved) => {
          if (failAt === 'before') throw new Error('the process ends before the position is on disk')
          kept.set(task, saved)
          if (failAt === 'after') throw new Error('the process ends before anybody is told')
          return 'saved'
        },
      }),
    }
    const log = composeLog({ source: memory.source, sink: memory.sink, offsets })
    for (const [i, fail] of (['before', 'after', undefined] as const).entries()) {
      await produce(log, events, { key: 'k', value: String(i) })
      failAt = undefined
      const app = await run(joined, {
        ...LEAST,
        log,
        onEvent: ({ type }) => {
          if (type === 'retrying') failAt = undefined
        },
      })
      await app.ready
      await produce(log, events, { key: 'k', value: `${i}, failing` })
      failAt = fail
      await taken(app, 2 * i + 2)
      await app.close()
    }
    const found = await resultsOf(log)
    const offsetsOf = new Set(found.map(({ offset }) => offset))
    expect([...offsetsOf].sort()).toEqual([0, 1, 2, 3, 4, 5])
    for (const offset of offsetsOf)
      expect(new Set(found.filter((each) => each.offset === offset).map(({ value }) => value)).size).toBe(1)
  })

  it('goes where somebody has moved its offsets to', async () => {
    const memory = memoryLog({ topics: compacted })
    let saved: ReadonlyMap<string, OffsetAndMetadata> = new Map([['events', { offset: 1, metadata: '' }]])
    const offsets: LogOffsets = {
      open: async () => ({
        saved,
        save: async (next) => {
          saved = next
          return 'saved'
        },
      }),
    }
    const log = composeLog({ source: memory.source, sink: memory.sink, offsets })
    await produce(log, events, { key: 'k', value: '1' }, { key: 'k', value: '2' })
    const first = await run(joined, { ...LEAST, log })
    await taken(first, 1)
    await first.close()
    expect((await resultsOf(log)).map(({ offset }) => offset)).toEqual([1])

    saved = new Map([...saved, ['events', { offset: 0, metadata: 'set back' }]])
    await using second = await run(joined, { ...LEAST, log })
    await expect.poll(async () => (await resultsOf(log)).map(({ offset }) => offset)).toEqual([1, 0, 1])
    await second.close()
  })

  it('begins anew after a reset', async () => {
    const log = memoryLog({ topics: compacted })
    await produce(log, events, { key: 'k', value: '1' })
    const first = await run(joined, { ...LEAST, log })
    await taken(first, 1)
    await first.close()
    await reset(joined, { application: 'a', log, guarantee: 'at-least-once' })
    await using second = await run(joined, { ...LEAST, log })
    await taken(second, 1)
    await second.close()
    expect((await resultsOf(log)).map(({ value }) => value)).toEqual(['1+undefined', '1+undefined'])
  })

  it('notices that the pipeline is another than the one whose position it has', async () => {
    const log = memoryLog({ topics: compacted })
    await produce(log, events, { key: 'k', value: '1' })
    const first = await run(joined, { ...LEAST, log })
    await taken(first, 1)
    await first.close()
    const other = stream(events)
      .leftJoin(table(rows), (value) => value, { name: 'renamed' })
      .to(results)
    const second = await run(other, { ...LEAST, log })
    await expect(second.closed).rejects.toThrow(expect.objectContaining({ code: 'PIPELINE_CHANGED' }))
  })

  it('tries again what could not be appended, and says so', async () => {
    const memory = memoryLog({ topics: compacted })
    let isFull = true
    const sink: Log['sink'] = {
      append: (records) => (isFull ? Promise.reject(new Error('disk full')) : memory.sink.append(records)),
    }
    const kept: { saved: ReadonlyMap<string, OffsetAndMetadata> } = { saved: new Map() }
    const offsets: LogOffsets = {
      open: async () => ({
        saved: kept.saved,
        save: async (saved) => {
          kept.saved = saved
          return 'saved'
        },
      }),
    }
    const log = composeLog({ source: memory.source, sink, offsets })
    await produce(memory, events, { key: 'k', value: '1' })
    await using app = await run(joined, { ...LEAST, log })
    await expect.poll(() => app.health().problems).toEqual([expect.stringMatching(/disk full/)])
    // a position may be saved before the event is read, but none behind it
    expect(kept.saved.get('events')?.offset ?? 0).toBe(0)
    isFull = false
    await taken(app, 1)
    await app.close()
  })
})

describe('at-least-once refuses what it would corrupt', () => {
  const start = (what: Pipeline | readonly Pipeline[], log: Log<Guarantee> = memoryLog({ topics: compacted })) =>
    run(what, { ...LEAST, log })
  const waiting = (name: string) =>
    stream(topic(name, serdes))
      .join(table(rows), (value) => value, { wait: { atMost: '1m', otherwise: 'drop' } })
      .to(results)

  it('waiting events and tables by timestamp, all at once, before it connects', async () => {
    const byTime = stream(topic('third', serdes))
      .join(table(topic('prices', serdes), { order: 'by-timestamp' }), (value) => value)
      .to(results)
    const log = memoryLog()
    const unreachable: Log<Guarantee> = {
      ...log,
      source: { ...log.source, describe: () => Promise.reject(new Error('connected')) },
    }
    await expect(start([waiting('events'), waiting('second'), byTime], unreachable)).rejects.toThrow(
      invalid(/pipeline events: join rows waits/, /pipeline second: join rows waits/, /table prices .*by-timestamp/),
    )
    await expect(reset(waiting('events'), { application: 'a', log, guarantee: 'at-least-once' })).rejects.toThrow(
      invalid(/join rows waits/),
    )
    await expect(testDriver(waiting('events'), { guarantee: 'at-least-once' })).rejects.toThrow(invalid(/waits/))
  })

  it('tables whose topics may lose rows, beside whatever else does not fit', async () => {
    await expect(start(joined, memoryLog({ topics: { events: { partitions: 3 } } }))).rejects.toThrow(
      invalid(/events has 3, rows has 1/, /table rows has cleanup.policy delete/),
    )
  })

  it('and a log refuses what it does not offer, whatever its type was told', async () => {
    const { source, sink } = memoryLog()
    const log = composeLog({ source, sink, offsets: { open: () => Promise.reject(new Error('unused')) } })
    await expect(
      run(joined, { application: 'a', log: log as unknown as Log, guarantee: 'exactly-once' }),
    ).rejects.toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
  })
})
