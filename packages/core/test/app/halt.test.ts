import { describe, expect, it } from 'vitest'
import { produce } from '../../src/app/produce.js'
import { type App, json, memoryLog, type Pipeline, run, stream, table, text, topic } from '../../src/index.js'
import { ManualClock, testDriver } from '../../src/testing.js'

const events = topic('events', { key: text(), value: json<{ i: number }>() })
const rows = topic('rows', { key: text(), value: json<{ r: number }>() })
const results = topic('results', { key: text(), value: json<{ i: number; r: number }>() })
const BAD = 50

function pipelineOf(options: { readonly waits: boolean }): Pipeline {
  const joiner = (event: { i: number }, row: { r: number }) => {
    if (event.i === BAD) throw new Error('a bug')
    return { ...event, ...row }
  }
  const wait = { atMost: '1h', otherwise: 'drop' } as const
  return stream(events, { name: 'p' })
    .join(table(rows), joiner, options.waits ? { wait } : {})
    .to(results)
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => ({ key: `k${i % 10}`, value: { i } }))
const rowsOf = (count: number) => Array.from({ length: count }, (_, r) => ({ key: `k${r}`, value: { r } }))

/** @returns the error that stopped the application, and what it had counted */
async function ended(app: App) {
  app.ready.catch(() => {})
  const error = await app.closed.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  return { error, metrics: app.metrics().pipelines.p, state: app.health().state }
}

const AT_BAD = expect.objectContaining({ code: 'FUNCTION_THREW', topic: 'events', partition: 0, offset: BAD })

describe('a record that halts the application', () => {
  it.each(['exactly-once', 'at-least-once'] as const)(
    'halts it at each start, once everything before it is committed, %s',
    async (guarantee) => {
      const log = memoryLog({ topics: { rows: { cleanup: 'compact' } } })
      await produce(log, rows, ...rowsOf(10))
      await produce(log, events, ...numbered(100))
      for (const _ of [1, 2, 3]) {
        const app = await run(pipelineOf({ waits: false }), { application: 'a', log, guarantee })
        expect(await ended(app)).toMatchObject({
          error: AT_BAD,
          metrics: { in: BAD, emitted: BAD },
          state: 'failed',
        })
        await app.close()
      }
      expect(await log.source.endOffset({ topic: 'results', partition: 0 }, 'last-stable-offset')).toBeGreaterThan(0)
    },
  )

  it('lets the other tasks commit what they have computed first', async () => {
    const clock = new ManualClock(0)
    const log = memoryLog({ partitions: 2, clock, topics: { rows: { cleanup: 'compact' } } })
    await produce(log, rows, ...rowsOf(10))
    // nothing is committed before a minute has passed, unless something ends
    const app = await run(pipelineOf({ waits: false }), { application: 'a', log, clock, commitEvery: '1m' })
    for (let n = 0; n < 100; n++) await clock.advance(1)
    await clock.advance('1m')
    await app.ready
    const ending = ended(app)
    await produce(log, events, ...numbered(40))
    for (let n = 0; n < 100; n++) await clock.advance(1)
    expect(app.metrics().pipelines.p).toMatchObject({ in: 0 })
    await produce(log, events, { key: 'k0', value: { i: BAD } })
    for (let n = 0; n < 100; n++) await clock.advance(1)
    const { error, metrics } = await ending
    expect(error).toMatchObject({ code: 'FUNCTION_THREW', topic: 'events' })
    expect(metrics).toMatchObject({ in: 40, emitted: 40 })
  })

  it('is found again among the events that wait, and does not take their outcomes with it', async () => {
    const log = memoryLog({ topics: { rows: { cleanup: 'compact' } } })
    const first = await run(pipelineOf({ waits: true }), { application: 'a', log })
    await produce(
      log,
      events,
      { key: 'k', value: { i: 1 } },
      { key: 'k', value: { i: BAD } },
      { key: 'k', value: { i: 2 } },
    )
    await expect.poll(() => first.metrics().pipelines.p).toMatchObject({ in: 3, waiting: 3 })
    await produce(log, rows, { key: 'k', value: { r: 1 } })
    const atBad = expect.objectContaining({ code: 'FUNCTION_THREW', topic: 'events', offset: 1 })
    expect(await ended(first)).toMatchObject({ error: atBad, metrics: { in: 3, emitted: 1, waiting: 2 } })
    const second = await run(pipelineOf({ waits: true }), { application: 'a', log })
    expect(await ended(second)).toMatchObject({ error: atBad, metrics: { in: 3, emitted: 1, waiting: 2 } })
  })

  it('rejects the call of the test driver that caused it', async () => {
    await using driver = await testDriver(pipelineOf({ waits: false }))
    await driver.produce(rows, ...rowsOf(10))
    await expect(driver.produce(events, ...numbered(100))).rejects.toThrow(AT_BAD)
  })
})

describe('a table record that halts the application', () => {
  it('does so once the rows before it are committed', async () => {
    const log = memoryLog({ topics: { rows: { cleanup: 'compact' } } })
    const bad = { topic: 'rows', key: Buffer.from('k'), value: Buffer.from('{'), headers: [], timestamp: 0 }
    await produce(log, rows, ...rowsOf(3))
    await log.sink.append([{ ...bad, partition: 0 }])
    await produce(log, rows, ...rowsOf(5))
    for (const _ of [1, 2]) {
      const app = await run(pipelineOf({ waits: false }), { application: 'a', log })
      const { error } = await ended(app)
      expect(error).toMatchObject({ code: 'DECODE_FAILED', topic: 'rows', partition: 0, offset: 3 })
    }
  })
})
