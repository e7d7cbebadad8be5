import { isJoineryError } from '@joinery/core'
import type { IHeaders, KafkaMessage } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { fromBatch } from '../../src/index.js'

const message = (offset: string, more: Partial<KafkaMessage> = {}): KafkaMessage =>
  ({
    key: Buffer.from('k'),
    value: Buffer.from('v'),
    timestamp: '1700000000123',
    attributes: 0,
    offset,
    headers: {},
    ...more,
  }) as KafkaMessage
const batch = (messages: KafkaMessage[], last = messages.at(-1)?.offset ?? '0') => ({
  topic: 'events',
  partition: 3,
  messages,
  lastOffset: () => last,
})
/** Headers of a record as kafkajs returns them. */
const headersOf = (...pairs: readonly (readonly [string, Buffer | null])[]): IHeaders => {
  let all: Record<string, unknown> = {}
  for (const [name, value] of pairs) {
    const before = all[name]
    const after = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value]
    all = { ...all, [name]: after }
  }
  return all as IHeaders
}
const read = (headers: IHeaders | undefined) =>
  fromBatch(batch([message('0', { headers } as KafkaMessage)]))[0][0]?.headers

describe('a batch of kafkajs', () => {
  it('becomes records in the same order', () => {
    const [records] = fromBatch(batch([message('5'), message('9', { key: null, value: null })]))
    expect(records).toEqual([
      {
        topic: 'events',
        partition: 3,
        offset: 5,
        key: Buffer.from('k'),
        value: Buffer.from('v'),
        timestamp: 1_700_000_000_123,
        headers: [],
      },
      { topic: 'events', partition: 3, offset: 9, key: null, value: null, timestamp: 1_700_000_000_123, headers: [] },
    ])
  })

  it('ends at the position of kafkajs, which may be beyond its last record', () => {
    expect(fromBatch(batch([message('5')], '7'))[1]).toEqual({ events: 8 })
  })

  it('keeps headers: bytes, names that occur twice, and those without a value', () => {
    const [one, two, three] = [Buffer.from([0, 255]), Buffer.from('2'), Buffer.from('')]
    expect(read(headersOf(['a', one], ['b', null], ['a', two], ['a', three], ['c', three]))).toEqual([
      ['a', one],
      ['a', two],
      ['a', three],
      ['b', null],
      ['c', three],
    ])
    expect(read({ text: 'as some test wrote it' })).toEqual([['text', Buffer.from('as some test wrote it')]])
    expect(read(undefined)).toEqual([]) // of a format before Kafka 0.11
  })

  it('keeps headers that have the names of properties of every object', () => {
    const value = Buffer.from('x')
    for (const name of ['constructor', 'toString', '__proto__'])
      expect(read(headersOf([name, value], [name, value]))).toEqual([
        [name, value],
        [name, value],
      ])
  })

  it('is rejected if an offset is not a safe integer', () => {
    const error = (() => {
      try {
        return fromBatch(batch([message('9007199254740993')]))
      } catch (thrown) {
        return thrown
      }
    })()
    expect(isJoineryError(error, 'OFFSET_OUT_OF_RANGE') && error).toMatchObject({ topic: 'events', partition: 3 })
  })
})
