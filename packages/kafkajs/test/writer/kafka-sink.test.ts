import { JoineryError, type NewRecord } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { KafkaSink } from '../../src/writer/kafka-sink.js'
import { OutputTopics } from '../../src/writer/output-topics.js'
import { PRODUCER_ID, ScriptedKafka } from './scripted-kafka.js'

const record = (partition: number): NewRecord => ({
  topic: 'a',
  partition,
  key: null,
  value: null,
  timestamp: 0,
  headers: [],
})

const sink = () => {
  const kafka = new ScriptedKafka({ a: 3 })
  return { kafka, log: new KafkaSink(kafka.cluster, 'none', new OutputTopics(kafka.cluster)) }
}

describe('appending', () => {
  it('is idempotent and outside of transactions', async () => {
    const { kafka, log } = sink()
    kafka.faults.Produce = ['response lost']
    await log.append([record(0), record(1)])
    expect(kafka.requests).toEqual(['InitProducerId 5', 'Produce 12', 'Produce 12'])
    expect([kafka.written('a/0'), kafka.written('a/1')]).toEqual([1, 1])
    const [batch] = kafka.sent
    expect(Buffer.from(batch?.bytes ?? '', 'hex').readInt16BE(21)).toBe(0)
  })

  it('keeps the order of concurrent calls', async () => {
    const { kafka, log } = sink()
    await Promise.all([log.append([record(0)]), log.append([record(0), record(0)]), log.append([record(0)])])
    expect(kafka.sent.map(({ sequence, count }) => [sequence, count])).toEqual([
      [0, 1],
      [1, 2],
      [3, 1],
    ])
  })

  it('of no records sends nothing', async () => {
    const { kafka, log } = sink()
    await log.append([])
    expect(kafka.requests).toEqual([])
  })

  it('continues with another producer after a failure, also for appends that wait already', async () => {
    const { kafka, log } = sink()
    kafka.faults.Produce = [42]
    const [failed, next] = await Promise.allSettled([log.append([record(0)]), log.append([record(0)])])
    expect(failed).toMatchObject({ status: 'rejected', reason: { code: 'LOG_FAILED', retriable: true } })
    expect(next.status).toBe('fulfilled')
    expect(kafka.requests).toEqual(['InitProducerId 5', 'Produce 12', 'InitProducerId 5', 'Produce 12'])
    expect(kafka.sent.map(({ producerId, sequence }) => [producerId, sequence])).toEqual([[PRODUCER_ID + 1n, 0]])
  })

  it.each([{ namesRefused: true }, { namesRefused: false }])(
    'names the records that the brokers refuse for good: %j',
    async ({ namesRefused }) => {
      const { kafka, log } = sink()
      kafka.validator = (value) => !value.startsWith('bad')
      kafka.namesRefused = namesRefused
      const values = ['1', 'bad 2', '3', '4', 'bad 5']
      const records = values.map((value) => ({
        ...record(1),
        value: Buffer.from(value),
        headers: [['value', Buffer.from(value)]] as const,
      }))
      const refused = ['bad 2', 'bad 5'].map((value) => ({
        topic: 'a',
        partition: 1,
        headers: [['value', Buffer.from(value)]],
        reason: 'not like this',
      }))
      await expect(log.append(records)).rejects.toMatchObject({
        code: 'RECORD_REFUSED',
        message: 'RECORD_REFUSED: a[1] does not accept a record: not like this, and 1 more',
        retriable: false,
        topic: 'a',
        partition: 1,
        refused,
      })
      await log.append([record(1)])
      expect(kafka.written('a/1')).toBeGreaterThan(0)
    },
  )

  it.each([
    [29, 'NOT_AUTHORIZED'],
    [10, 'RECORD_TOO_LARGE'],
  ])('reports a fatal error: code %i is %s', async (code, expected) => {
    const { kafka, log } = sink()
    kafka.faults.Produce = [code]
    await expect(log.append([record(0)])).rejects.toMatchObject({ code: expected, topic: 'a', retriable: false })
  })

  it.each([
    [
      'a record that is too large',
      ['x'.repeat(2_000)],
      /a record takes 2\d{3} bytes, but a accepts only 1000: make it/,
    ],
    ['a limit that was lowered', ['x', 'y'], /a broker rejected a batch .*: was max\.message\.bytes lowered\?$/],
  ])('names %s', async (_, values, message) => {
    const { kafka, log } = sink()
    kafka.faults.Produce = [10]
    const records = values.map((value) => ({ ...record(0), value: Buffer.from(value) }))
    await expect(log.append(records)).rejects.toMatchObject({
      code: 'RECORD_TOO_LARGE',
      retriable: false,
      topic: 'a',
      message: expect.stringMatching(message),
      cause: { code: 10 },
    })
  })

  it.each([14, 15, 16])('waits for a coordinator that can give a producer id: code %i', async (code) => {
    const { kafka, log } = sink()
    kafka.faults.InitProducerId = [code, code]
    await log.append([record(0)])
    expect(kafka.requests).toEqual(['InitProducerId 5', 'InitProducerId 5', 'InitProducerId 5', 'Produce 12'])
    expect(kafka.clock.waits).toEqual([100, 100])
    // no transactional id, and a time-out of a minute
    expect(new Set(kafka.bodies.slice(0, 3))).toEqual(new Set(['000000ea60ffffffffffffffffffff00']))
  })

  it('does not wait for it forever', async () => {
    const { kafka, log } = sink()
    kafka.faults.InitProducerId = Array.from({ length: 1_000 }, () => 15)
    await expect(log.append([record(0)])).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      message: expect.stringContaining('InitProducerId failed with COORDINATOR_NOT_AVAILABLE'),
    })
    expect(kafka.requests).toHaveLength(100)
  })

  it('keeps an error of Joinery, and wraps any other', async () => {
    const { kafka, log } = sink()
    const cause = new JoineryError('LOG_FAILED', 'no broker', { retriable: true })
    kafka.partitionsOf = () => Promise.reject(cause)
    await expect(log.append([record(0)])).rejects.toBe(cause)
    kafka.partitionsOf = () => Promise.reject(new Error('odd'))
    await expect(log.append([record(0)])).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      message: expect.stringContaining('could not append records: Error: odd'),
    })
  })

  it('reports that it may not get a producer id', async () => {
    const { kafka, log } = sink()
    kafka.faults.InitProducerId = [31]
    await expect(log.append([record(0)])).rejects.toMatchObject({ code: 'NOT_AUTHORIZED', retriable: false })
  })
})
