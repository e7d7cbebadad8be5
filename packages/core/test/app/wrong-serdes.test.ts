import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memoryLog, produce, type Serde, stream, type Topic, table, text, topic } from '../../src/index.js'
import { openOperator } from '../../src/operator.js'
import { testDriver } from '../../src/testing.js'

/** A serde as written without types, or with `any`. */
const wrong = (methods: { readonly [name in 'encode' | 'decode']?: (value: never) => unknown }): Serde<string> =>
  ({ ...text(), ...methods }) as Serde<string>
const decodesLater = wrong({ decode: async () => 'v' })
const rejectsLater = wrong({ decode: () => Promise.reject(new Error('the registry is down')) })
const encodesText = wrong({ encode: (value) => value })
const encodesLater = wrong({ encode: () => Promise.reject(new Error('the registry is down')) })

interface Serdes {
  readonly key?: Serde<string>
  readonly value?: Serde<string>
}
const named = (name: string, { key = text(), value = text() }: Serdes = {}): Topic<string, string> =>
  topic(name, { key, value })
const events = named('events')
const rows = named('rows')
const deadLetters = { onError: { deadLetter: 'dead' } }

const joining = (serdes: { readonly [name in 'events' | 'rows' | 'out']?: Serdes }, options = {}) =>
  stream(named('events', serdes.events), options)
    .join(table(named('rows', serdes.rows), options), (event, row) => event + row)
    .to(named('out', serdes.out))

const PROMISE = 'decode returned a promise: a serde is synchronous'
const CASES = [
  ['the value of a stream', { events: { value: decodesLater } }, 'the value of a record of stream events', PROMISE],
  ['the value of a stream that rejects', { events: { value: rejectsLater } }, 'stream events', PROMISE],
  ['the key of a stream', { events: { key: decodesLater } }, 'the key of a record of stream events', PROMISE],
  ['the value of a table', { rows: { value: decodesLater } }, 'the value of a record of table rows', PROMISE],
  ['the key of a table', { rows: { key: rejectsLater } }, 'the key of a record of table rows', PROMISE],
  [
    'an output, as a string',
    { out: { value: encodesText } },
    'a result of pipeline events cannot be encoded as a value of out',
    'encode returned a string, not bytes',
  ],
  ['an output, as a promise', { out: { value: encodesLater } }, 'a value of out', 'encode returned a promise'],
] as const

describe('a serde that does not return what it should', () => {
  const unhandled: unknown[] = []
  const record = (error: unknown) => void unhandled.push(error)

  beforeEach(() => {
    unhandled.length = 0
    process.on('unhandledRejection', record)
  })
  afterEach(async () => {
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', record)
    expect(unhandled).toEqual([])
  })

  it.each(CASES)('halts the application: %s', async (_, serdes, what, why) => {
    const driver = await testDriver(joining(serdes))
    const produced = driver
      .produce(rows, { key: 'k', value: 'r' })
      .then(() => driver.produce(events, { key: 'k', value: 'e' }))
    await expect(produced).rejects.toMatchObject({
      message: expect.stringMatching(new RegExp(`${what}.*${why}.*\\(.*at offset 0\\)`)),
      partition: 0,
      offset: 0,
    })
    expect(driver.consume(named('out'))).toEqual([])
  })

  it.each(CASES)('has its records dead-lettered, if onError says so: %s', async (_, serdes, what, why) => {
    await using driver = await testDriver(joining(serdes, deadLetters))
    await driver.produce(rows, { key: 'k', value: 'r' })
    await driver.produce(events, { key: 'k', value: 'e' })
    const [dead] = driver.consumeDeadLetters(named('dead'))
    expect(dead?.info.message).toMatch(new RegExp(`${what}.*${why}`))
    expect(driver.consume(named('out'))).toEqual([])
  })

  it.each([
    ['key', { key: encodesText }, 'a string'],
    ['key', { key: encodesLater }, 'a promise'],
    ['value', { value: encodesText }, 'a string'],
    ['value', { value: wrong({ encode: () => undefined }) }, 'undefined'],
  ])('produces nothing: the %s', async (part, serdes, type) => {
    const log = memoryLog()
    await using driver = await testDriver(joining({}))
    const odd = named('events', serdes)
    for (const produced of [produce(log, odd, { key: 'k', value: 'v' }), driver.produce(odd, { key: 'k', value: 'v' })])
      await expect(produced).rejects.toMatchObject({
        code: 'ENCODE_FAILED',
        topic: 'events',
        message: `ENCODE_FAILED: the ${part} of a record for events cannot be encoded: encode returned ${type}, not bytes`,
      })
    await expect(log.source.endOffset({ topic: 'events', partition: 0 }, 'high-watermark')).resolves.toBe(0)
  })

  it('consumes nothing', async () => {
    await using driver = await testDriver(joining({}))
    await driver.produce(rows, { key: 'k', value: 'r' })
    await driver.produce(events, { key: 'k', value: 'e' })
    expect(() => driver.consume(named('out', { value: rejectsLater }))).toThrow(
      expect.objectContaining({ code: 'DECODE_FAILED', message: expect.stringContaining(`the value of out[0]`) }),
    )
  })

  it('fails a query', async () => {
    const keyed = table(named('rows', { key: encodesText }))
    const pipeline = stream(events)
      .join(keyed, (event, row) => event + row)
      .to(named('out'))
    await using driver = await testDriver(pipeline)
    await expect(driver.query(keyed).get('k')).rejects.toMatchObject({
      code: 'ENCODE_FAILED',
      message: expect.stringContaining('encode returned a string, not bytes'),
    })
  })

  it('leaves a call in doubt, whose request was made', async () => {
    const pipeline = stream(events)
      .callOnce(async () => 'done', { inDoubt: { deadLetter: 'doubt' } })
      .to(named('out', { value: encodesText }))
    await using driver = await testDriver(pipeline)
    await driver.produce(events, { key: 'k', value: 'e' })
    expect(driver.consumeDeadLetters(named('doubt'))).toMatchObject([
      { info: { message: expect.stringContaining('encode returned a string, not bytes') } },
    ])
    expect(driver.consume(named('out'))).toEqual([])
  })

  it('is refused by the operator of another consumer', async () => {
    const pipeline = joining({ events: { value: decodesLater } })
    await using operator = await openOperator(pipeline, { application: 'a', partition: 0 })
    const odd = { topic: 'events', partition: 0, offset: 0, timestamp: 1, headers: [], key: Buffer.from('k') }
    await expect(operator.process([{ ...odd, value: Buffer.from('e') }])).rejects.toMatchObject({
      message: expect.stringContaining(PROMISE),
    })
  })
})

describe('a value serde that encodes to null', () => {
  it('writes a tombstone, as with the serializers of Kafka', async () => {
    const nothing = wrong({ encode: () => null })
    await using driver = await testDriver(joining({ out: { value: nothing } }))
    await driver.produce(rows, { key: 'k', value: 'r' })
    await driver.produce(events, { key: 'k', value: 'e' })
    expect(driver.consume(named('out'))).toMatchObject([{ key: 'k', value: null }])
  })
})
