import { JoineryError, systemClock } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import type { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import type { TopicMetadata } from '../../src/connection/topic-metadata.js'
import type { ApiRequest } from '../../src/protocol/api.js'
import { RequestWriter } from '../../src/protocol/request-writer.js'
import { ResponseReader } from '../../src/protocol/response-reader.js'
import { KafkaSource } from '../../src/reader/kafka-source.js'

const LIMITS = { maxBytes: 1, maxPartitionBytes: 1, prefetchBytes: 1, maxDecompressedBytes: 1 }
const AT = { topic: 'orders', partition: 2 }

/** A broker that responds to ListOffsets with these codes and offsets in turn, and keeps the requests. */
function listing(...answers: (number | { readonly offset: number } | Error)[]) {
  const asked: string[] = []
  const cluster = {
    clock: systemClock,
    leaderOf: async () => 1,
    refresh: async () => [],
    request: async (_node: number, _channel: string, { api, version, parts }: ApiRequest) => {
      expect([api.name, version]).toEqual(['ListOffsets', 3])
      asked.push(Buffer.concat(parts).toString('hex'))
      const answer = answers.shift() ?? -1
      if (answer instanceof Error) throw answer
      const [code, offset] = typeof answer === 'number' ? [answer, -1] : [0, answer.offset]
      const body = new RequestWriter().int32(0).int32(1).string(AT.topic).int32(1).int32(AT.partition)
      return new ResponseReader(body.int16(code).int64(-1).int64(offset).take())
    },
  } as unknown as KafkaCluster
  return { source: new KafkaSource(cluster, LIMITS, { onRetry: () => {} }), asked }
}

const REPLICA = 'ffffffff'
const PLACE = '00000001' + '00066f7264657273' + '00000001' + '00000002'

describe('offsets', () => {
  it.each([
    ['the high watermark', (source: KafkaSource) => source.endOffset(AT, 'high-watermark'), '00', 'ffffffffffffffff'],
    [
      'the last stable offset',
      (source: KafkaSource) => source.endOffset(AT, 'last-stable-offset'),
      '01',
      'ffffffffffffffff',
    ],
    ['the earliest offset', (source: KafkaSource) => source.earliestOffset(AT), '00', 'fffffffffffffffe'],
  ])('are requested as the protocol specifies: %s', async (_, ask, isolation, time) => {
    const { source, asked } = listing({ offset: 77 })
    expect(await ask(source)).toBe(77)
    expect(asked).toEqual([REPLICA + isolation + PLACE + time])
  })

  it('are requested again after the leader has moved or the connection was lost', async () => {
    const cut = new JoineryError('LOG_FAILED', 'cut', { retriable: true })
    const { source, asked } = listing(6, cut, { offset: 5 })
    expect(await source.endOffset(AT, 'high-watermark')).toBe(5)
    expect(asked).toHaveLength(3)
  })

  it('may be forbidden', async () => {
    await expect(listing(29).source.earliestOffset(AT)).rejects.toMatchObject({
      code: 'NOT_AUTHORIZED',
      topic: 'orders',
    })
  })

  it('keep an error that is not retriable', async () => {
    const { source } = listing(new JoineryError('LOG_CLOSED', 'the log was closed'))
    await expect(source.earliestOffset(AT)).rejects.toMatchObject({ code: 'LOG_CLOSED' })
  })

  it('beyond the largest safe integer are rejected', async () => {
    const cluster = {
      clock: systemClock,
      leaderOf: async () => 1,
      request: async () => {
        const body = new RequestWriter().int32(0).int32(1).string(AT.topic).int32(1).int32(AT.partition).int16(0)
        return new ResponseReader(Buffer.concat([body.int64(-1).take(), Buffer.from('0020000000000000', 'hex')]))
      },
    } as unknown as KafkaCluster
    await expect(new KafkaSource(cluster, LIMITS, { onRetry: () => {} }).earliestOffset(AT)).rejects.toMatchObject({
      code: 'RECORDS_CORRUPT',
    })
  })
})

describe('reading', () => {
  it('with an aborted signal yields nothing', async () => {
    const { source, asked } = listing()
    for await (const batch of source.read({ ...AT, offset: 0 }, AbortSignal.abort())) throw new Error(`${batch.next}`)
    expect(asked).toEqual([])
  })

  it('of a closed log is an error', async () => {
    const { source } = listing()
    source.close()
    const reading = source.read({ ...AT, offset: 0 }, new AbortController().signal)[Symbol.asyncIterator]()
    await expect(reading.next()).rejects.toMatchObject({ code: 'LOG_CLOSED' })
  })
})

describe('describing', () => {
  const config = (topic: string, values: Record<string, string>) => {
    const body = new RequestWriter().int32(0).int32(1).int16(0).string(null).int8(2).string(topic)
    body.array(Object.entries(values), ([name, value]) =>
      body.string(name).string(value).int8(0).int8(5).int8(0).int32(0),
    )
    return body.take()
  }
  const describing = (metadata: Partial<TopicMetadata>, values: Record<string, string>) => {
    const cluster = {
      clock: systemClock,
      refresh: async () => [{ topic: 'orders', id: 'abc', code: 0, leaders: [1, 1, 2], ...metadata }],
      requestAny: async () => new ResponseReader(config('orders', values)),
    } as unknown as KafkaCluster
    return new KafkaSource(cluster, LIMITS, { onRetry: () => {} }).describe(['orders'])
  }
  const VALUES = {
    'delete.retention.ms': '86400000',
    'max.message.bytes': '1048588',
    'message.timestamp.type': 'CreateTime',
  }

  it.each([
    ['delete', 'delete'],
    ['compact', 'compact'],
    ['compact,delete', 'compact,delete'],
    ['delete, compact', 'compact,delete'],
  ])('reads the policy %s', async (policy, cleanup) => {
    expect(await describing({}, { ...VALUES, 'cleanup.policy': policy })).toEqual([
      expect.objectContaining({
        topic: 'orders',
        id: 'abc',
        partitions: 3,
        cleanup,
        deleteRetentionMs: 86_400_000,
        maxMessageBytes: 1_048_588,
      }),
    ])
  })

  it('reports which topic is missing or forbidden', async () => {
    await expect(describing({ code: 3 }, {})).rejects.toMatchObject({ code: 'TOPIC_MISSING', topic: 'orders' })
    await expect(describing({ code: 29 }, {})).rejects.toMatchObject({ code: 'NOT_AUTHORIZED', topic: 'orders' })
  })

  it('requires the settings that decisions depend on', async () => {
    await expect(describing({}, { 'cleanup.policy': 'compact' })).rejects.toMatchObject({ code: 'LOG_FAILED' })
  })
})
