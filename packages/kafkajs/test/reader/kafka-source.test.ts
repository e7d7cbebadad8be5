import { JoineryError, systemClock } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import type { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import { OngoingRetries } from '../../src/connection/ongoing-retries.js'
import type { TopicMetadata } from '../../src/connection/topic-metadata.js'
import type { ReceivedRequestOf, RequestOf } from '../../src/protocol/api.js'
import { DESCRIBE_CONFIGS, TOPIC_RESOURCE } from '../../src/protocol/describe-configs.js'
import { LIST_OFFSETS } from '../../src/protocol/list-offsets.js'
import { KafkaSource, type SourceListener } from '../../src/reader/kafka-source.js'
import { carry } from '../support/carry.js'
import { versionsOf } from '../support/releases.js'
import { PassingClock } from '../writer/passing-clock.js'

const LIMITS = { maxBytes: 1, maxPartitionBytes: 1, prefetchBytes: 1, maxDecompressedBytes: 1, rack: '' }
const AT = { topic: 'orders', partition: 2 }

type ListOffsets = typeof LIST_OFFSETS

/** A broker that responds to ListOffsets with these codes and offsets in turn, and keeps the requests. */
function listing(...answers: (number | { readonly offset: number } | Error)[]) {
  const clock = new PassingClock()
  const reports: JoineryError[] = []
  const retries = new OngoingRetries((error) => reports.push(error))
  const asked: ReceivedRequestOf<ListOffsets>[] = []
  const cluster = {
    clock,
    knownLeaderOf: () => 1,
    leaderOf: async () => 1,
    refresh: async () => [],
    request: async (_node: number, _channel: string, api: ListOffsets, sent: RequestOf<ListOffsets>) => {
      expect(api).toBe(LIST_OFFSETS)
      const { request, respond } = carry(versionsOf('4.3'), api, sent)
      asked.push(request)
      const answer = answers.shift() ?? -1
      if (answer instanceof Error) throw answer
      const [errorCode, offset] = typeof answer === 'number' ? [answer, -1] : [0, answer.offset]
      const partitions = [{ partitionIndex: AT.partition, errorCode, offset }]
      return respond({ topics: [{ name: AT.topic, partitions }] })
    },
  } as unknown as KafkaCluster
  const source = new KafkaSource(cluster, LIMITS, {
    onRetry: (what, error) => retries.report(what, error),
    onRetryEnd: (what) => retries.end(what),
  })
  return { source, asked, reports, problems: () => retries.problems }
}

describe('offsets', () => {
  it.each([
    ['the high watermark', (source: KafkaSource) => source.endOffset(AT, 'high-watermark'), 0, -1],
    ['the last stable offset', (source: KafkaSource) => source.endOffset(AT, 'last-stable-offset'), 1, -1],
    ['the earliest offset', (source: KafkaSource) => source.earliestOffset(AT), 0, -2],
  ])('are requested as the protocol specifies: %s', async (_, ask, isolationLevel, timestamp) => {
    const { source, asked } = listing({ offset: 77 })
    expect(await ask(source)).toBe(77)
    const partition = { partitionIndex: AT.partition, currentLeaderEpoch: -1, timestamp }
    const topics = [{ name: AT.topic, partitions: [partition] }]
    expect(asked).toEqual([{ replicaId: -1, isolationLevel, topics, timeoutMs: 0 }])
  })

  it('are requested again after the leader has moved or the connection was lost', async () => {
    const cut = new JoineryError('LOG_FAILED', 'cut', { retriable: true })
    const { source, asked } = listing(6, cut, { offset: 5 })
    expect(await source.endOffset(AT, 'high-watermark')).toBe(5)
    expect(asked).toHaveLength(3)
  })

  it('are reported at once after no response, until there is one', async () => {
    const cut = () => new JoineryError('LOG_FAILED', 'no response', { retriable: true })
    const { source, reports, problems } = listing(cut(), cut(), { offset: 5 })
    expect(await source.earliestOffset(AT)).toBe(5)
    expect(reports).toHaveLength(2)
    expect(reports[0]).toMatchObject({
      code: 'LOG_FAILED',
      topic: 'orders',
      partition: 2,
      message: expect.stringMatching(/could not fetch the offsets of orders\[2\].*no response/),
    })
    expect(problems()).toEqual([])
  })

  it.each([
    [10, 0],
    [13, 3],
  ])('are reported if a leader is moving for more than a second: of %i attempts, %i are', async (moves, count) => {
    const { source, reports, problems } = listing(...Array.from({ length: moves }, () => 6), { offset: 5 })
    expect(await source.earliestOffset(AT)).toBe(5)
    expect(reports).toHaveLength(count)
    expect(problems()).toEqual([])
  })

  it('fail with a retriable error if the leader is moving for too long', async () => {
    const { source, problems } = listing(...Array.from({ length: 200 }, () => 6))
    await expect(source.earliestOffset(AT)).rejects.toMatchObject({ code: 'LOG_FAILED', retriable: true })
    expect(problems()).toEqual([])
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

describe('describing topics of which some do not exist', () => {
  const describing = (codes: Readonly<Record<string, number>>) => {
    const refresh = async (topics: readonly string[]) =>
      topics.map((topic) => ({ topic, id: 'abc', code: codes[topic], leaders: [], leaderEpochs: [] }))
    const cluster = { clock: systemClock, brokers: [1], refresh } as unknown as KafkaCluster
    return new KafkaSource(cluster, LIMITS, { onRetry: () => {} }).describe(Object.keys(codes))
  }

  it('names all of them in one error', async () => {
    await expect(describing({ orders: 3, rows: 0, dead: 3 })).rejects.toMatchObject({
      code: 'TOPIC_MISSING',
      topic: 'orders',
      retriable: false,
      message: expect.stringMatching(/topics orders .*, dead .* do not exist: create them/),
    })
  })

  it('names the only one', async () => {
    await expect(describing({ rows: 0, dead: 3 })).rejects.toMatchObject({
      topic: 'dead',
      message: expect.stringMatching(/topic dead .* does not exist: create it/),
    })
  })

  it('is not permitted: this is reported first, because a topic that may not be described may exist', async () => {
    await expect(describing({ orders: 3, rows: 29 })).rejects.toMatchObject({ code: 'NOT_AUTHORIZED', topic: 'rows' })
  })
})

describe('describing', () => {
  const config = (name: string, values: Record<string, string>) => {
    const configs = Object.entries(values).map(([name, value]) => ({
      name,
      value,
      readOnly: false,
      isSensitive: false,
      synonyms: [],
    }))
    return {
      results: [{ errorCode: 0, errorMessage: null, resourceType: TOPIC_RESOURCE, resourceName: name, configs }],
    }
  }
  const describing = (
    metadata: Partial<TopicMetadata>,
    values: Record<string, string>,
    { outputs, onDescribed }: { outputs?: string[]; onDescribed?: SourceListener['onDescribed'] } = {},
  ) => {
    const cluster = {
      clock: systemClock,
      brokers: [1],
      refresh: async () => [
        { topic: 'orders', id: 'abc', code: 0, leaders: [1, 1, 2], leaderEpochs: [0, 0, 0], ...metadata },
      ],
      requestAny: async (api: typeof DESCRIBE_CONFIGS, request: RequestOf<typeof DESCRIBE_CONFIGS>) => {
        expect(api).toBe(DESCRIBE_CONFIGS)
        return carry(versionsOf('4.3'), api, request).respond(config('orders', values))
      },
    } as unknown as KafkaCluster
    const listener = { onRetry: () => {}, ...(onDescribed && { onDescribed }) }
    return new KafkaSource(cluster, LIMITS, listener).describe(['orders'], outputs)
  }
  const VALUES = {
    'delete.retention.ms': '86400000',
    'max.message.bytes': '1048588',
    'message.timestamp.type': 'CreateTime',
  }

  it.each([
    ['of an output', ['orders'], 1],
    ['only of outputs', ['results'], 0],
    ['of none by default', undefined, 0],
  ])('notifies the listener %s', async (_, outputs, count) => {
    const found: unknown[] = []
    const onDescribed = (output: unknown) => found.push(output)
    const [info] = await describing({ lacksReplicas: true }, VALUES, { ...(outputs && { outputs }), onDescribed })
    expect(found).toEqual(Array.from({ length: count }, () => ({ ...info, lacksReplicas: true })))
    expect(info).not.toHaveProperty('lacksReplicas')
  })

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

  it.each([
    ['delete', '3600000', { retentionMs: 3_600_000 }],
    ['compact,delete', '0', { retentionMs: 0 }],
    ['delete', '-1', {}],
    ['delete', '', {}],
    ['compact', '3600000', {}],
  ])('reads how long a topic with the policy %s keeps records: %s ms', async (policy, retention, expected) => {
    const [info] = await describing({}, { ...VALUES, 'cleanup.policy': policy, 'retention.ms': retention })
    expect(info?.retentionMs).toEqual((expected as { retentionMs?: number }).retentionMs)
  })

  it('reports which topic is missing or forbidden', async () => {
    await expect(describing({ code: 3 }, {})).rejects.toMatchObject({ code: 'TOPIC_MISSING', topic: 'orders' })
    await expect(describing({ code: 29 }, {})).rejects.toMatchObject({ code: 'NOT_AUTHORIZED', topic: 'orders' })
  })

  it('requires the settings that decisions depend on', async () => {
    await expect(describing({}, { 'cleanup.policy': 'compact' })).rejects.toMatchObject({ code: 'LOG_FAILED' })
  })
})
