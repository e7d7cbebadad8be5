import { describe, expect, it } from 'vitest'
import { produce } from '../../src/app/produce.js'
import { type AppEvent, json, type Pipeline, run, stream, table, text, topic } from '../../src/index.js'
import { ManualClock } from '../../src/testing.js'
import { heldLog, pass } from './held-log.js'

const serdes = { key: text(), value: json<number>() }
const events = topic('events', serdes)
const others = topic('others', serdes)
const rows = topic('rows', serdes)
const results = topic('results', serdes)

const joined = (maxRecords?: number) =>
  stream(events)
    .join(table(rows), (_, row) => row, {
      wait: { atMost: '1h', otherwise: 'drop', ...(maxRecords !== undefined && { maxRecords }) },
    })
    .to(results)
const copied = stream(others).to(results)

/** An application with `stalledAfter: '1s'`, whose log can hold back the stream `events`. */
async function started(pipelines: Pipeline | readonly Pipeline[]) {
  const clock = new ManualClock(0)
  const { log, inner, hold } = heldLog(clock, events.name)
  const told: AppEvent[] = []
  const app = await run(pipelines, {
    application: 'a',
    log,
    clock,
    commitEvery: '1ms',
    stalledAfter: '1s',
    onEvent: (event) => told.push(event),
  })
  await app.ready
  return {
    app,
    log: inner,
    told: () => told.filter(({ type }) => type.startsWith('stall')),
    hold,
    pass: (ms: number, each?: (i: number) => Promise<void>) => pass(clock, ms, each),
  }
}

type Started = Awaited<ReturnType<typeof started>>

const stalled = ({ told }: Started) => told().filter(({ type }) => type === 'stalled')
const open = expect.stringMatching(
  /^a transaction of another producer has been open for \d s at offset 0 of events\[0\]/,
)
const full = expect.stringContaining('pipeline events[0] is paused: its wait buffer is full')

describe('a stream that is held up by an open transaction', () => {
  it.each([
    ['nothing else arrives', undefined, joined()],
    ['a table gets rows', rows, joined()],
    ['another pipeline gets events', others, [joined(), copied]],
  ] as const)('is a stall of the task, with its reason, while %s', async (_, busy, pipelines) => {
    const it = await started(pipelines)
    it.hold(11)
    await it.pass(4_000, async (i) => {
      if (busy !== undefined) await produce(it.log, busy, { key: `${i}`, value: i })
    })
    expect(stalled(it)).toEqual([{ type: 'stalled', task: 0, forMs: expect.any(Number), reasons: [open] }])
    expect(it.app.health()).toMatchObject({ ready: true, problems: [open], stalled: [{ task: 0, reasons: [open] }] })
    expect(it.app.metrics().gauges).toMatchObject({ stalledTasks: 1 })
    it.hold(0)
    await it.pass(2_000)
    expect(it.app.health()).toMatchObject({ problems: [], stalled: [] })
    expect(it.told().map(({ type }) => type)).toEqual(['stalled', 'stall-ended'])
    await it.app.close()
  })
})

describe('a stream that is paused because its wait buffer is full', () => {
  const waiting = Array.from({ length: 5 }, (_, i) => ({ key: `waits ${i}`, value: i }))

  it.each([
    ['nothing else arrives', undefined, joined(2)],
    ['a table gets rows', rows, joined(2)],
    ['another pipeline gets events', others, [joined(2), copied]],
  ] as const)('is a stall of the task, with its reason, while %s', async (_, busy, pipelines) => {
    const it = await started(pipelines)
    await produce(it.log, events, ...waiting)
    await it.pass(4_000, async (i) => {
      if (busy !== undefined) await produce(it.log, busy, { key: `${i}`, value: i })
    })
    expect(it.app.metrics().pipelines.events).toMatchObject({ in: 2, waiting: 2 })
    expect(it.app.health().stalled).toEqual([{ task: 0, forMs: expect.closeTo(4_000, -3), reasons: [full] }])
    await produce(it.log, rows, ...waiting)
    await it.pass(2_000)
    expect(it.app.metrics().pipelines.events).toMatchObject({ in: 5, waiting: 0, emitted: 5 })
    expect(it.app.health()).toMatchObject({ problems: [], stalled: [] })
    await it.app.close()
  })

  it('is none while each row makes room for an event, although the buffer is full all the time', async () => {
    const it = await started(joined(2))
    await produce(it.log, events, ...Array.from({ length: 30 }, (_, i) => ({ key: `waits ${i}`, value: i })))
    await it.pass(4_000, (i) => produce(it.log, rows, { key: `waits ${i}`, value: i }))
    expect(it.app.metrics().pipelines.events).toMatchObject({ in: 16, waiting: 2, emitted: 14 })
    expect([it.app.health().problems, it.app.health().stalled]).toEqual([[full], []])
    expect(it.told()).toEqual([])
    await it.app.close()
  })
})
