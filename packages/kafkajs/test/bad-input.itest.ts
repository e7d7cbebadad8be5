import {
  deadLetterInfo,
  type Headers,
  type JoineryError,
  json,
  type NewRecord,
  type Pipeline,
  type Reason,
  run,
  stream,
  table,
  text,
  topic,
} from '@joinery/core'
import { beforeEach, describe, expect, inject, it } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { recordsOf } from './support/records.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const LIMIT = { timeout: 20_000, interval: 20 }
const OUTPUT_MAX = 100_000
const HOUR_MS = 3_600_000
const DEPTH = 100_000
const NOW = Date.now()
const HEADERS: Headers = [
  ['trace', Buffer.from([0, 255, 1])],
  ['trace', null],
  ['__proto__', Buffer.from('x')],
]

/** Controls the joiner. */
interface Order {
  readonly does?: 'throw' | 'promise' | 'nothing'
  readonly bytes?: number
}

/** A record that may be bad, and its outcome by design. */
interface Case {
  readonly value: Uint8Array | null
  readonly key?: Uint8Array | null
  readonly timestamp?: number
  readonly outcome: 'emitted' | { readonly dropped: Reason } | { readonly deadLettered: Reason; readonly code: string }
}

const bytes = (value: string) => Buffer.from(value)
const order = (value: Order) => bytes(JSON.stringify(value))
const undecodable = { deadLettered: 'undecodable', code: 'DECODE_FAILED' } as const
const threw = { deadLettered: 'function-threw', code: 'FUNCTION_THREW' } as const
const unencodable = { deadLettered: 'function-threw', code: 'ENCODE_FAILED' } as const

const CASES: Readonly<Record<string, Case>> = {
  'invalid JSON': { value: bytes('{"oops'), outcome: undecodable },
  'an empty value': { value: bytes(''), outcome: undecodable },
  'wrong UTF-8': { value: Buffer.from([0x22, 0xff, 0xfe, 0x22]), outcome: undecodable },
  'a key in wrong UTF-8': { key: Buffer.from([0xff]), value: order({}), outcome: undecodable },
  'a key __proto__': { value: bytes('{"__proto__":{"polluted":true}}'), outcome: undecodable },
  'depth 100 000': { value: bytes('['.repeat(DEPTH) + ']'.repeat(DEPTH)), outcome: undecodable },
  'no key': { key: null, value: order({}), outcome: { dropped: 'null-key' } },
  'no value': { value: null, outcome: { dropped: 'null-value' } },
  'a joiner that throws': { value: order({ does: 'throw' }), outcome: threw },
  'a joiner that returns nothing': { value: order({ does: 'nothing' }), outcome: unencodable },
  'a joiner that returns a promise': { value: order({ does: 'promise' }), outcome: unencodable },
  'a result near the limit of its topic': { value: order({ bytes: OUTPUT_MAX - 500 }), outcome: 'emitted' },
  'a result at the limit of its topic': {
    value: order({ bytes: OUTPUT_MAX }),
    outcome: { deadLettered: 'too-large', code: 'RECORD_TOO_LARGE' },
  },
  'a result far over the limit': {
    value: order({ bytes: 10 * OUTPUT_MAX }),
    outcome: { deadLettered: 'too-large', code: 'RECORD_TOO_LARGE' },
  },
  'a timestamp two hours ahead': { value: order({}), timestamp: NOW + 2 * HOUR_MS, outcome: 'emitted' },
  'a timestamp ten years ahead': { value: order({}), timestamp: NOW + 87_660 * HOUR_MS, outcome: 'emitted' },
}
const BAD = Object.entries(CASES).flatMap(([label, { outcome, ...record }]) =>
  typeof outcome === 'object' && 'code' in outcome ? [{ label, outcome, ...record }] : [],
)

describe('bad input', () => {
  let name: (topic: string) => string
  let application: string
  const topics = () => ({
    orders: topic(name('order'), { key: text(), value: json<Order>() }),
    rows: topic(name('row'), { key: text(), value: json<{ readonly row: number }>() }),
    results: topic(name('result'), { key: text(), value: json<string>() }),
    dead: name('dead'),
  })

  beforeEach(async () => {
    name = unique()
    application = name('service')
    const { orders, rows, results, dead } = topics()
    const future = { 'message.timestamp.after.max.ms': '9223372036854775807' }
    await createTopics(
      { brokers },
      { topic: orders.name, partitions: 1, config: future },
      { topic: rows.name, partitions: 1, config: { 'cleanup.policy': 'compact' } },
      { topic: results.name, partitions: 1, config: { 'max.message.bytes': OUTPUT_MAX } },
      { topic: dead, partitions: 1 },
    )
  })

  const carryOut = ({ does, bytes = 1 }: Order): string => {
    if (does === 'throw') throw new TypeError('the joiner has a bug')
    if (does === 'nothing') return undefined as unknown as string // types do not hold where a cast does not
    if (does === 'promise') return Promise.resolve('') as unknown as string
    return 'x'.repeat(bytes)
  }
  const pipeline = (onError: 'halt' | { deadLetter: string }, joiner = carryOut): Pipeline => {
    const { orders, rows, results } = topics()
    return stream(orders, { onError }).join(table(rows, { onError }), joiner).to(results)
  }
  const record = (to: { readonly name: string }, rest: Partial<NewRecord>): NewRecord => ({
    topic: to.name,
    key: bytes('k'),
    value: null,
    timestamp: NOW,
    headers: HEADERS,
    ...rest,
  })
  const row = (value = bytes('{"row":1}')) => record(topics().rows, { value })
  const failure = async (what: Pipeline): Promise<JoineryError> => {
    await using log = kafkaLog({ brokers })
    try {
      const app = await run(what, { application, log })
      await app.closed
    } catch (error) {
      return error as JoineryError
    }
    throw new Error('it did not fail')
  }

  it('is dead-lettered unchanged, and every record has one outcome', async () => {
    const { orders, results, dead } = topics()
    await using log = kafkaLog({ brokers })
    await log.sink.append([row()])
    const cases = Object.values(CASES)
    for (const { outcome: _, ...rest } of cases) await log.sink.append([record(orders, rest)])
    await using app = await run(pipeline({ deadLetter: dead }), { application, log })
    await expect.poll(() => app.metrics().pipelines[orders.name]?.in, LIMIT).toBe(cases.length)
    const metrics = app.metrics().pipelines[orders.name]

    const emitted = cases.filter(({ outcome }) => outcome === 'emitted')
    const letters = BAD.map(({ outcome }) => outcome.deadLettered)
    const count = (reason: Reason) => letters.filter((each) => each === reason).length
    expect(metrics).toMatchObject({
      emitted: emitted.length,
      clamped: 2,
      dropped: { 'null-key': 1, 'null-value': 1 },
      deadLettered: {
        undecodable: count('undecodable'),
        'function-threw': count('function-threw'),
        'too-large': count('too-large'),
      },
      waiting: 0,
    })

    const outputs = await recordsOf(log, results.name)
    expect(outputs.length).toBe(emitted.length)
    for (const { timestamp } of outputs) expect(timestamp).toBeLessThanOrEqual(Date.now() + HOUR_MS)

    const found = await recordsOf(log, dead)
    expect(found.length).toBe(BAD.length)
    for (const [i, { label, outcome, key = bytes('k'), value }] of BAD.entries()) {
      const letter = found[i] as NonNullable<(typeof found)[number]>
      const offset = Object.keys(CASES).indexOf(label)
      expect(deadLetterInfo(letter.headers), label).toMatchObject({
        reason: outcome.deadLettered,
        application,
        origin: { topic: orders.name, partition: 0, offset },
      })
      expect(letter.key, label).toEqual(key)
      expect(letter.value, label).toEqual(value)
      expect(letter.timestamp, label).toBe(NOW)
      const original = letter.headers.filter(([header]) => !header.startsWith('joinery-'))
      expect(
        original.map(([header, content]) => [header, content && Buffer.from(content)]),
        label,
      ).toEqual(HEADERS)
    }
  }, 60_000)

  it.each(BAD)(
    '$label halts an application that does not dead-letter it, and once that is fixed nothing is lost',
    async ({ outcome, label: _, ...bad }) => {
      const { orders, results, dead } = topics()
      await using log = kafkaLog({ brokers })
      await log.sink.append([row()])
      await log.sink.append([record(orders, { value: order({ bytes: 2 }) })])
      await log.sink.append([record(orders, bad)])
      await log.sink.append([record(orders, { value: order({ bytes: 3 }) })])

      const error = await failure(pipeline('halt'))
      expect(error).toMatchObject({ code: outcome.code, topic: orders.name, partition: 0, offset: 1 })

      const isJoiners = outcome !== undecodable
      const cured = isJoiners
        ? pipeline('halt', (value) => (value.bytes === 2 || value.bytes === 3 ? carryOut(value) : 'cured'))
        : pipeline({ deadLetter: dead })
      await using app = await run(cured, { application, log })
      await expect.poll(() => app.metrics().pipelines[orders.name]?.in, LIMIT).toBe(3)
      const values = (await recordsOf(log, results.name)).map(({ value }) => results.value.decode(value as Uint8Array))
      expect(values).toEqual(isJoiners ? ['xx', 'cured', 'xxx'] : ['xx', 'xxx'])
      expect((await recordsOf(log, dead)).length).toBe(isJoiners ? 0 : 1)
    },
    60_000,
  )

  it('in a table is dead-lettered, and the previous row stays', async () => {
    const { orders, rows, dead } = topics()
    await using log = kafkaLog({ brokers })
    const bad = bytes('{"oops')
    await log.sink.append([row(), row(bad)])
    await using app = await run(pipeline({ deadLetter: dead }), { application, log })
    await log.sink.append([record(orders, { value: order({}) })])
    await expect.poll(() => app.metrics().pipelines[orders.name]?.emitted, LIMIT).toBe(1)
    const [letter] = await recordsOf(log, dead)
    expect(letter?.value).toEqual(bad)
    expect(deadLetterInfo(letter?.headers ?? [])).toMatchObject({
      reason: 'undecodable',
      origin: { topic: rows.name, partition: 0, offset: 1 },
    })
  }, 60_000)

  it('in a table halts an application that does not dead-letter it', async () => {
    const { rows } = topics()
    await using log = kafkaLog({ brokers })
    await log.sink.append([row(), row(bytes('{"oops'))])
    expect(await failure(pipeline('halt'))).toMatchObject({
      code: 'DECODE_FAILED',
      topic: rows.name,
      partition: 0,
      offset: 1,
    })
  }, 60_000)

  it('that fits its topic only compressed is dead-lettered if the changelog, which is uncompressed, would have to keep it', async () => {
    const big = topic(name('big'), { key: text(), value: json<{ readonly pad: string }>({ maxBytes: 10_000_000 }) })
    const rows = topic(name('big-row'), {
      key: text(),
      value: json<{ readonly pad: string }>({ maxBytes: 10_000_000 }),
    })
    const { results } = topics()
    const dead = name('big-dead')
    await createTopics(
      { brokers },
      { topic: big.name, partitions: 1 },
      { topic: rows.name, partitions: 1 }, // cleanup.policy=delete: its rows go to the changelog
      { topic: dead, partitions: 1, config: { 'max.message.bytes': 10_000_000 } },
    )
    await using log = kafkaLog({ brokers, compression: 'gzip' })
    const value = bytes(JSON.stringify({ pad: ' '.repeat(3_000_000) }))
    await log.sink.append([record(rows, { value }), record(big, { value })])
    const onError = { deadLetter: dead }
    const waits = stream(big, { onError })
      .join(table(rows, { onError }), ({ pad }) => pad.slice(0, 1), { wait: { atMost: '1h', otherwise: 'drop' } })
      .to(results)
    await using plain = kafkaLog({ brokers })
    await using app = await run(waits, { application, log: plain })
    await expect
      .poll(() => app.metrics().pipelines[big.name], LIMIT)
      .toMatchObject({ in: 1, waiting: 0, deadLettered: { 'too-large': 1 } })
    const letters = await recordsOf(log, dead)
    expect(letters.map((letter) => deadLetterInfo(letter.headers)?.origin.topic).toSorted()).toEqual(
      [big.name, rows.name].toSorted(),
    )
    expect(letters.map((letter) => deadLetterInfo(letter.headers)?.reason)).toEqual(['too-large', 'too-large'])
    for (const letter of letters) expect(letter.value?.length).toBe(value.length)
  }, 60_000)

  it('that does not fit into the topic of dead letters either loses its value there', async () => {
    const { orders } = topics()
    const small = name('small')
    await createTopics({ brokers }, { topic: small, partitions: 1, config: { 'max.message.bytes': 10_000 } })
    await using log = kafkaLog({ brokers })
    await log.sink.append([row(), record(orders, { value: bytes(`{"oops${'x'.repeat(20_000)}`) })])
    await using app = await run(pipeline({ deadLetter: small }), { application, log })
    await expect.poll(() => app.metrics().pipelines[orders.name]?.in, LIMIT).toBe(1)
    const [letter] = await recordsOf(log, small)
    expect(letter).toMatchObject({ key: bytes('k'), value: null })
    const headers = new Map(letter?.headers)
    expect(String(headers.get('joinery-omitted'))).toBe('headers,value')
    expect(deadLetterInfo(letter?.headers ?? [])).toMatchObject({
      reason: 'undecodable',
      origin: { topic: orders.name, partition: 0, offset: 0 },
    })
  }, 60_000)

  it('a missing topic is reported at the start, whatever its role', async () => {
    const missing = topic(name('missing'), { key: text(), value: json<Order>() })
    const { orders, rows, results } = topics()
    const pipelines = [
      stream(missing).join(table(rows), carryOut).to(results),
      stream(orders).join(table(missing), carryOut).to(results),
      stream(orders)
        .join(table(rows), ({ bytes = 1 }) => ({ bytes }))
        .to(missing),
      stream(orders, { onError: { deadLetter: missing.name } })
        .join(table(rows), carryOut)
        .to(results),
    ]
    for (const each of pipelines)
      expect(await failure(each)).toMatchObject({ code: 'TOPIC_MISSING', topic: missing.name })
  }, 60_000)

  it('inputs with unequal partition counts are reported at the start', async () => {
    const wide = topic(name('wide'), { key: text(), value: json<Order>() })
    await createTopics({ brokers }, { topic: wide.name, partitions: 3 })
    const { orders, results } = topics()
    const error = await failure(stream(orders).join(table(wide), carryOut).to(results))
    expect(error).toMatchObject({ code: 'PIPELINE_INVALID' })
    expect(error.message).toContain(`${wide.name} has 3`)
  }, 60_000)
})
