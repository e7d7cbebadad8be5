import { JoineryError } from '@joinery/core'
import { changelogOwner, type LogSource } from '@joinery/core/log'
import { describe, expect, it } from 'vitest'
import { KafkaTasks } from '../../src/writer/kafka-tasks.js'
import { OutputTopics } from '../../src/writer/output-topics.js'
import { decodeAll } from '../protocol/record-batch/decode.js'
import { ScriptedKafka } from './scripted-kafka.js'

const TASK = { application: 'app', task: 2 }
const CHANGELOG = { topic: 'app-changelog', partition: 2 }

/** `ends`: the last stable offset for each request; the last one stays. */
function tasks({ ends = [100], transactionTimeoutMs = 30_000 } = {}) {
  const kafka = new ScriptedKafka({ 'app-changelog': 3 })
  const source = {
    endOffset: async (at: object, end: string) => {
      expect([at, end]).toEqual([CHANGELOG, 'last-stable-offset'])
      return ends.length > 1 ? ends.shift() : ends[0]
    },
  } as unknown as LogSource
  const published: unknown[] = []
  const topics = new OutputTopics(kafka.cluster)
  const options = {
    changelog: { replicationFactor: 1, config: {} },
    onNotice: () => {},
    retries: { report() {}, end() {} },
    throttledMs: () => 0,
    transactionTimeoutMs,
    codec: 'none',
    topics,
    publish: (...all: unknown[]) => void published.push(all),
  } as const
  return { kafka, ends, topics, published, tasks: new KafkaTasks(kafka.cluster, source, options) }
}

describe('opening a task', () => {
  it('fences first, then commits OWNER, and has its offset as token', async () => {
    const { kafka, tasks: opener } = tasks()
    expect(await opener.open(TASK)).toMatchObject({
      token: { topicId: 'id of app-changelog', offset: 0 },
      changelog: CHANGELOG,
      openedAt: 1_700_000_000_000,
    })
    expect(kafka.requests).toEqual(['InitProducerId 5', 'AddPartitionsToTxn 3', 'Produce 11', 'EndTxn 4'])
    expect((await opener.open(TASK)).token.offset).toBe(1)
  })

  it.each([
    [0, 'Produce 11'],
    [1, 'Produce 11'],
    [2, 'Produce 12'],
    [3, 'Produce 12'],
  ])('uses the requests of transaction.version %i, which it reads for each session', async (version, request) => {
    const { kafka, tasks: opener } = tasks()
    let asked = 0
    kafka.transactionVersion = async () => {
      asked++
      return version
    }
    await opener.open(TASK)
    expect(kafka.requests).toContain(request)
    await opener.open(TASK)
    expect(asked).toBe(2)
  })

  it('uses the transactional id of the task, and writes only OWNER', async () => {
    const { kafka, tasks: opener } = tasks()
    await opener.open(TASK)
    for (const body of kafka.bodies) expect(Buffer.from(body, 'hex').subarray(0, 6).toString()).toBe('\x06app-2')
    expect(kafka.sent.map(({ place, count }) => [place, count])).toEqual([['app-changelog/2', 1]])
    const [owner] = decodeAll(Buffer.from(kafka.sent[0]?.bytes ?? '', 'hex'))
    const { key } = changelogOwner(new Uint8Array(16))
    expect(owner).toMatchObject({ key: Buffer.from(key), timestamp: kafka.clock.now(), headers: [] })
  })

  it('looks up the largest batch once for all sessions', async () => {
    const { kafka, tasks: opener } = tasks()
    await opener.open(TASK)
    const asked = kafka.described.length
    await opener.open(TASK)
    expect(kafka.described).toHaveLength(asked)
  })

  it('does not look up topics that are known from elsewhere', async () => {
    const { kafka, topics, tasks: opener } = tasks()
    topics.add({ topic: 'app-changelog', partitions: 3, maxMessageBytes: 1_000 })
    const session = await opener.open(TASK)
    expect(kafka.described).toEqual([])
    await session.commit({ outputs: [], changelog: [{ key: Buffer.from('k'), value: null }], offsets: new Map() })
    expect(kafka.described).toEqual([])
  })

  it('publishes the offsets that a commit has processed', async () => {
    const { published, tasks: opener } = tasks()
    const session = await opener.open(TASK)
    const offsets = new Map([['in', 9]])
    await session.commit({ outputs: [], changelog: [{ key: Buffer.from('k'), value: null }], offsets })
    expect(published).toEqual([['app', 2, offsets]])
  })

  it('fences the session that was open before', async () => {
    const { tasks: opener } = tasks()
    const before = await opener.open(TASK)
    const after = await opener.open(TASK)
    const work = {
      outputs: [],
      changelog: [{ key: Buffer.from('k'), value: null }],
      offsets: new Map<string, number>(),
    }
    expect(await before.commit(work)).toMatchObject({ outcome: 'fenced' })
    expect(await after.commit(work)).toEqual({ outcome: 'committed', changelogOffset: 2 })
  })

  it('waits until OWNER can be read', async () => {
    const { ends, tasks: opener } = tasks({ ends: [0, 0, 1] })
    await opener.open(TASK)
    expect(ends).toEqual([1])
  })

  it('does not wait forever: a transaction of another producer may hang', async () => {
    const { kafka, tasks: opener } = tasks({ ends: [0], transactionTimeoutMs: 1_000 })
    await expect(opener.open(TASK)).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      ...CHANGELOG,
      offset: 0,
      message: expect.stringContaining(
        'the last stable offset of app-changelog[2] does not advance beyond 0: look for a hanging transaction',
      ),
    })
    // as long as a transaction may take, with a request every 5 ms
    expect(new Set(kafka.clock.waits)).toEqual(new Set([5]))
    expect(kafka.clock.waits.length * 5).toBeGreaterThanOrEqual(1_000)
    expect(kafka.clock.waits.length * 5).toBeLessThan(1_100)
  })

  it('succeeds after an attempt that found no broker', async () => {
    const { kafka, tasks: opener } = tasks()
    const ask = kafka.transactionVersion
    kafka.transactionVersion = () => Promise.reject(new JoineryError('LOG_FAILED', 'no broker', { retriable: true }))
    await expect(opener.open(TASK)).rejects.toMatchObject({ code: 'LOG_FAILED', retriable: true })
    kafka.transactionVersion = ask
    expect((await opener.open(TASK)).token.offset).toBe(0)
  })

  it.each([
    ['InitProducerId', 53],
    ['AddPartitionsToTxn', 29],
    ['Produce', 29],
    ['EndTxn', 53],
  ] as const)('fails permanently if it is not allowed (%s, code %i)', async (api, code) => {
    const { kafka, tasks: opener } = tasks()
    kafka.faults[api] = [code]
    await expect(opener.open(TASK)).rejects.toMatchObject({ code: 'NOT_AUTHORIZED', retriable: false })
  })

  it('names the setting of the brokers that is too low', async () => {
    const { kafka, tasks: opener } = tasks()
    kafka.faults.InitProducerId = [50]
    await expect(opener.open(TASK)).rejects.toMatchObject({
      retriable: false,
      message: expect.stringContaining('transaction.max.timeout.ms'),
    })
  })

  it.each([
    ['Produce', 47],
    ['EndTxn', 48],
    ['EndTxn', 'response lost'],
  ] as const)('is retriable after another owner has begun, or with an unknown outcome: %s, %s', async (api, fault) => {
    const { kafka, tasks: opener } = tasks()
    kafka.faults[api] = [fault]
    await expect(opener.open(TASK)).rejects.toMatchObject({ code: 'LOG_FAILED', retriable: true })
    await opener.open(TASK)
  })

  it('has no token without the id of the changelog, which a broker may not have yet', async () => {
    const { kafka, tasks: opener } = tasks()
    kafka.topicCode = 3
    await expect(opener.open(TASK)).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      ...CHANGELOG,
      message: expect.stringContaining('Metadata of app-changelog failed with UNKNOWN_TOPIC_OR_PARTITION'),
    })
    kafka.topicCode = 0
    expect((await opener.open(TASK)).token).toEqual({ topicId: 'id of app-changelog', offset: 1 })
  })

  it('reports the cause and the topic', async () => {
    const { kafka, tasks: opener } = tasks()
    kafka.faults.Produce = [47]
    await expect(opener.open(TASK)).rejects.toMatchObject({
      ...CHANGELOG,
      message: expect.stringContaining('could not open task 2 of app: ProtocolError: Produce to app-changelog[2]'),
    })
    const cause = new JoineryError('LOG_FAILED', 'no broker', { retriable: true })
    const { kafka: silent, tasks: other } = tasks()
    silent.transactionVersion = () => Promise.reject(cause)
    await expect(other.open(TASK)).rejects.toBe(cause)
  })
})

describe('preparing', () => {
  const preparing = (info: object, configs: Record<string, string> = {}) => {
    const { kafka } = tasks()
    const topic = 'app-changelog'
    kafka.configs = { ...kafka.configs, 'message.timestamp.type': 'LogAppendTime', ...configs }
    const described = {
      topic,
      id: 'id',
      partitions: 3,
      cleanup: 'compact',
      deleteRetentionMs: 1,
      maxMessageBytes: 1_000,
    }
    const source = { describe: async () => [{ ...described, ...info }] } as unknown as LogSource
    const options = {
      changelog: { replicationFactor: 1, config: {} },
      onNotice: () => {},
      retries: { report() {}, end() {} },
      throttledMs: () => 0,
      transactionTimeoutMs: 1,
      codec: 'none',
      topics: new OutputTopics(kafka.cluster),
      publish: () => {},
    } as const
    return new KafkaTasks(kafka.cluster, source, options).prepare({
      application: 'app',
      partitions: 3,
      maxMessageBytes: 1_000,
    })
  }

  it('accepts a suitable changelog', async () => {
    expect(await preparing({})).toMatchObject({ topic: 'app-changelog', partitions: 3 })
  })

  it('rejects another number of partitions', async () => {
    await expect(preparing({ partitions: 4 })).rejects.toMatchObject({
      code: 'PARTITIONS_CHANGED',
      topic: 'app-changelog',
      message: expect.stringContaining('app-changelog has 4 partitions, but the inputs have 3'),
    })
  })

  it.each(['producer', 'uncompressed', 'gzip'])('accepts a changelog with compression.type %s', async (type) => {
    expect(await preparing({}, { 'compression.type': type })).toMatchObject({ topic: 'app-changelog' })
  })

  it.each(['lz4', 'snappy', 'zstd'])(
    'rejects one that brokers compress with %s, which cannot be read',
    async (type) => {
      await expect(preparing({}, { 'compression.type': type })).rejects.toMatchObject({
        code: 'TOPIC_UNSUITABLE',
        problems: [`compression.type is ${type}, it must be producer, uncompressed or gzip`],
      })
    },
  )

  it('names everything that is unsuitable', async () => {
    const bad = preparing({ cleanup: 'delete', maxMessageBytes: 10 }, { 'message.timestamp.type': 'CreateTime' })
    await expect(bad).rejects.toMatchObject({
      code: 'TOPIC_UNSUITABLE',
      problems: [
        expect.stringMatching('cleanup'),
        expect.stringMatching('timestamp'),
        expect.stringMatching('max.message'),
      ],
      message: expect.stringMatching(
        /app-changelog is not suitable as changelog: .*compact; .*LogAppendTime; .*at least 1000, as that of an input$/,
      ),
    })
  })
})
