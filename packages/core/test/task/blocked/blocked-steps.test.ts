import { describe, expect, it } from 'vitest'
import { produce } from '../../../src/app/produce.js'
import { json, notSent, stream, table, text, topic } from '../../../src/index.js'
import { type BlockableProcess, blockableProcess, type Event, eventsOf, values } from './blockable-process.js'

const SLOW = 3
const LIMIT = { timeout: 10_000, interval: 5 }
const DEAD = { deadLetter: 'dead' }

/** A process with functions that are slow for one event: they take 15 s, and the tasks are lost. */
function slowProcess(topics?: Parameters<typeof blockableProcess>[0]) {
  const process = blockableProcess(topics)
  let blocks = 0
  /** Returns its argument. */
  const slowly = <T extends { readonly i?: number }>(value: T): T => {
    if (value.i !== SLOW) return value
    blocks++
    process.block(15_000)
    process.loseTasks()
    return value
  }
  return { ...process, slowly, blocks: () => blocks }
}

const reasonsOf = ({ told }: BlockableProcess) =>
  told.flatMap((event) => (event.type === 'blocked' ? [event.reason] : []))
const slowText = (step: string, of: string, at: string) =>
  `nothing else ran for 15.0 s, in ${step} of ${of}, at ${at} offset ${SLOW}`

const same = <T>(value: T): T => value
const yes = () => true

const STEPS = {
  'the value decoder': 'decode',
  'the key decoder': 'decodeKey',
  'the function of filter': 'filter',
  'the function of mapValues': 'map',
  'wait.ready of join rows': 'ready',
  'the joiner of join rows': 'joiner',
  'the encoder': 'encode',
} as const

describe('a function of a join that blocks for longer than the session', () => {
  it.each(Object.entries(STEPS))('is named: %s', async (text_, where) => {
    const process = slowProcess()
    const { slowly, inner, start, blocks } = process
    const at = <T extends Event>(step: string, value: T): T => (step === where ? slowly(value) : value)
    const serde = json<Event>()
    const events = topic('events', {
      key: {
        ...text(),
        decode: (bytes) => {
          const key = text().decode(bytes)
          at('decodeKey', { i: Number(key) })
          return key
        },
      },
      value: { ...serde, decode: (bytes) => at('decode', serde.decode(bytes)) },
    })
    const rows = topic('rows', { key: text(), value: json<{ r: number }>() })
    const results = topic('results', {
      key: text(),
      value: { ...serde, encode: (value: Event) => serde.encode(at('encode', value)) },
    })
    const pipeline = stream(events, { onError: DEAD })
      .filter((event) => at('filter', event).i >= 0)
      .mapValues((event) => at('map', event))
      .join(table(rows), (event) => at('joiner', event), {
        wait: { atMost: '1h', otherwise: 'drop', ready: (_row, event) => yes() && at('ready', event).i >= 0 },
      })
      .to(results)
    const keys = Array.from({ length: 12 }, (_, i) => ({ key: String(i), value: { i } }))
    await produce(inner, rows, ...keys.map(({ key }) => ({ key, value: { r: 1 } })))
    await produce(inner, topic('events', { key: text(), value: serde }), ...keys)
    const app = await start(pipeline)
    await expect
      .poll(() => app.metrics().pipelines.events, LIMIT)
      .toMatchObject({ in: 12, emitted: 11, deadLettered: { 'function-blocked': 1 } })
    expect(blocks()).toBe(2)
    expect(reasonsOf(process).at(-1)).toBe(slowText(text_, 'pipeline events', 'events[0]'))
    expect((await values(inner, 'results')).map((value) => (value as Event).i).sort((a, b) => a - b)).toEqual(
      keys.map(({ value }) => value.i).filter((i) => i !== SLOW),
    )
    await app.close()
  })
})

describe('the serde of a table that blocks for longer than the session', () => {
  const serde = json<{ readonly i: number; readonly r: number }>()
  const plainRows = topic('rows', { key: text(), value: serde })
  const events = topic('events', { key: text(), value: json<Event>() })
  const results = topic('results', { key: text(), value: json<unknown>() })
  const pipelineOf = ({ slowly }: ReturnType<typeof slowProcess>, onError: 'halt' | typeof DEAD) =>
    stream(events)
      .join(
        table(topic('rows', { key: text(), value: { ...serde, decode: (bytes) => slowly(serde.decode(bytes)) } }), {
          onError,
        }),
        (event, row) => ({ ...event, r: row.r }),
      )
      .to(results)
  /** Rows 0 to 5 of keys k0 to k2: the slow one is the second of k0. */
  const rows = Array.from({ length: 6 }, (_, i) => ({ key: `k${i % SLOW}`, value: { i, r: i } }))

  it('dead-letters the record the second time, and the previous row stays', async () => {
    const process = slowProcess({ topics: { rows: { cleanup: 'compact' } } })
    await produce(process.inner, plainRows, ...rows)
    const app = await process.start(pipelineOf(process, DEAD))
    await expect.poll(() => values(process.inner, 'dead'), LIMIT).toHaveLength(1)
    expect(process.blocks()).toBe(2)
    expect(reasonsOf(process)).toEqual([
      'nothing else ran for 15.0 s, in the functions and serdes of table rows, at one of the offsets 3 to 5 of rows[0]',
      slowText('the value decoder', 'table rows', 'rows[0]'),
    ])
    await produce(process.inner, events, ...['k0', 'k1', 'k2'].map((key, i) => ({ key, value: { i } })))
    await expect.poll(() => app.metrics().pipelines.events, LIMIT).toMatchObject({ in: 3, emitted: 3 })
    expect(await values(process.inner, 'results')).toEqual([
      { i: 0, r: 0 },
      { i: 1, r: 4 },
      { i: 2, r: 5 },
    ])
    expect(await values(process.inner, 'dead')).toEqual([{ i: SLOW, r: SLOW }])
    await app.close()
  })

  it('halts the application the second time, once the rows before it are committed', async () => {
    const process = slowProcess({ topics: { rows: { cleanup: 'compact' } } })
    await produce(process.inner, plainRows, ...rows)
    const app = await process.start(pipelineOf(process, 'halt'))
    await expect(app.closed).rejects.toMatchObject({
      code: 'FUNCTION_BLOCKED',
      topic: 'rows',
      partition: 0,
      offset: SLOW,
      message: expect.stringContaining('nothing else ran for 15.0 s, in the value decoder of table rows'),
    })
    expect(process.blocks()).toBe(2)
  })
})

describe('a function of a call that blocks for longer than the session', () => {
  const asked = topic('asked', { key: text(), value: json<Event>() })
  const replies = topic('replies', { key: text(), value: json<Event>() })
  const IN_DOUBT = { inDoubt: { deadLetter: 'in-doubt' } }

  it('before the call: its record is dead-lettered the second time, and the others are called', async () => {
    const process = slowProcess()
    const called: number[] = []
    const pipeline = stream(asked, { onError: DEAD })
      .callOnce(
        async (event) => {
          called.push(event.i)
          return event
        },
        { ...IN_DOUBT, id: (event) => `call ${process.slowly(event).i}` },
      )
      .to(replies)
    await produce(process.inner, asked, ...eventsOf(12))
    const app = await process.start(pipeline)
    await expect
      .poll(() => app.metrics().pipelines.asked, LIMIT)
      .toMatchObject({ in: 12, emitted: 11, deadLettered: { 'function-blocked': 1 } })
    expect(process.blocks()).toBe(2)
    expect(reasonsOf(process).at(-1)).toBe(slowText('the function of callOnce: id', 'pipeline asked', 'asked[0]'))
    expect(called.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11])
    await app.close()
  })

  it('the call function: it is run once, and its result counts, although the task was lost meanwhile', async () => {
    const process = slowProcess()
    const called: number[] = []
    const pipeline = stream(asked, { onError: DEAD })
      .callOnce(async (event) => {
        called.push(event.i)
        return process.slowly(event)
      }, IN_DOUBT)
      .to(replies)
    await produce(process.inner, asked, ...eventsOf(6))
    const app = await process.start(pipeline)
    await expect.poll(() => app.metrics().pipelines.asked, LIMIT).toMatchObject({ in: 6, emitted: 6 })
    expect(process.blocks()).toBe(1)
    expect(called).toEqual([0, 1, 2, 3, 4, 5])
    expect(reasonsOf(process)).toEqual([slowText('the call function', 'pipeline asked', 'asked[0]')])
    await app.close()
  })

  it('the call function that sends nothing: it is run twice, and then its record is dead-lettered', async () => {
    const process = slowProcess()
    const pipeline = stream(asked, { onError: DEAD })
      .callOnce(async (event) => {
        if (event.i !== SLOW) return same(event)
        process.slowly(event)
        throw notSent('too slow')
      }, IN_DOUBT)
      .to(replies)
    await produce(process.inner, asked, ...eventsOf(6))
    const app = await process.start(pipeline)
    await expect
      .poll(() => app.metrics().pipelines.asked, LIMIT)
      .toMatchObject({ in: 6, emitted: 5, waiting: 0, deadLettered: { 'function-blocked': 1 } })
    expect(process.blocks()).toBe(2)
    await app.close()
  })

  it('at least once: the call function is run twice, and then the call is in doubt', async () => {
    const process = slowProcess()
    const pipeline = stream(asked, { onError: DEAD })
      .callOnce(
        async (event) => {
          if (event.i === SLOW) throw new Error(`unknown outcome of ${process.slowly(event).i}`)
          return event
        },
        { ...IN_DOUBT, mode: 'at-least-once' },
      )
      .to(replies)
    await produce(process.inner, asked, ...eventsOf(6))
    const app = await process.start(pipeline)
    await expect
      .poll(() => app.metrics().pipelines.asked, LIMIT)
      .toMatchObject({ in: 6, emitted: 5, waiting: 1, inDoubt: 1 })
    expect(process.blocks()).toBe(2)
    await app.close()
  })
})
