import { consume, deadLetterInfo, json, produce, run, type Serde, stream, table, text, topic } from '@joinery/core'
import { beforeEach, describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
/** A serde as written without types, or with `any`. */
const wrong = (methods: { readonly [name in 'encode' | 'decode']?: (value: never) => unknown }): Serde<object> =>
  ({ ...json<object>(), ...methods }) as Serde<object>
const encodeTo = (made: (bytes: Buffer) => unknown) =>
  wrong({ encode: (value: unknown) => made(Buffer.from(JSON.stringify(value))) })
const DECODES_LATER = wrong({ decode: async (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) })

const ENCODED: readonly (readonly [type: string, serde: Serde<object>])[] = [
  ['a string', encodeTo(String)],
  ['a promise', encodeTo(async (bytes) => bytes)],
  ['undefined', encodeTo(() => undefined)],
  ['an ArrayBuffer', encodeTo((bytes) => new Uint8Array(bytes).buffer)],
  ['an Array', encodeTo((bytes) => [...bytes])],
  ['a Uint16Array', encodeTo((bytes) => Uint16Array.from(bytes))],
]

describe('on Kafka, a serde that does not return what it should', () => {
  let name: (topic: string) => string
  beforeEach(async () => {
    name = unique()
    await createTopics(
      { brokers },
      ...['events', 'out', 'dead'].map((each) => ({ topic: name(each), partitions: 1 })),
      { topic: name('rows'), partitions: 1, config: { 'cleanup.policy': 'compact' } },
    )
  })

  const named = (of: string, value: Serde<object> = json<object>()) => topic(name(of), { key: text(), value })
  const joining = (serdes: { readonly [name in 'events' | 'rows' | 'out']?: Serde<object> }, options = {}) =>
    stream(named('events', serdes.events), options)
      .join(table(named('rows', serdes.rows), options), (event, row) => ({ ...event, ...row }))
      .to(named('out', serdes.out))
  const halted = async (pipeline: ReturnType<typeof joining>) => {
    await using log = kafkaLog({ brokers })
    await produce(log, named('rows'), { key: 'k', value: { r: 1 } })
    await produce(log, named('events'), { key: 'k', value: { e: 1 } })
    const app = await run(pipeline, { application: name('app'), log })
    app.ready.catch(() => {})
    const error: unknown = await app.closed.catch((reason: unknown) => reason)
    expect(await recordsOf(log, name('out'))).toEqual([])
    return error
  }

  it.each(ENCODED)('writes nothing, and its records are dead-lettered: encode returns %s', async (type, value) => {
    const events = named('events')
    await using log = kafkaLog({ brokers })
    await produce(log, named('rows'), { key: 'k', value: { r: 1 } })
    const pipeline = joining({ out: value }, { onError: { deadLetter: name('dead') } })
    await using app = await run(pipeline, { application: name('app'), log })
    await app.ready
    await produce(log, events, { key: 'k', value: {} })
    const letters = consume(log, topic(name('dead'), { key: text(), value: text() }))
    const { headers = [] } = (await letters.next()).value ?? {}
    await letters.return()
    expect(deadLetterInfo(headers)?.message).toContain(`encode returned ${type}, not bytes`)
    expect(await recordsOf(log, name('out'))).toEqual([])
  })

  it.each(ENCODED)('halts the application at the record: encode returns %s', async (type, value) => {
    expect(await halted(joining({ out: value }))).toMatchObject({
      code: 'ENCODE_FAILED',
      topic: name('events'),
      partition: 0,
      offset: 0,
      message: expect.stringContaining(`encode returned ${type}, not bytes`),
    })
  })

  it.each(['events', 'rows'] as const)(
    'halts the application at the record: decode of %s is asynchronous',
    async (of) => {
      expect(await halted(joining({ [of]: DECODES_LATER }))).toMatchObject({
        code: 'DECODE_FAILED',
        topic: name(of),
        partition: 0,
        offset: 0,
        message: expect.stringContaining('decode returned a promise'),
      })
    },
  )

  it.each(ENCODED)('produces nothing, neither as key nor as value: encode returns %s', async (type, serde) => {
    await using log = kafkaLog({ brokers })
    const refused = { code: 'ENCODE_FAILED', message: expect.stringContaining(`encode returned ${type}, not bytes`) }
    const asValue = topic(name('events'), { key: text(), value: serde })
    await expect(produce(log, asValue, { key: 'k', value: {} })).rejects.toMatchObject(refused)
    const asKey = topic(name('events'), { key: serde, value: text() })
    await expect(produce(log, asKey, { key: {}, value: 'v' })).rejects.toMatchObject(refused)
    expect(await recordsOf(log, name('events'))).toEqual([])
  })
})
