import { JoineryError } from '@joinery/core'
import { type LogSource, ownerRecord } from '@joinery/core/log'
import { describe, expect, it } from 'vitest'
import { KafkaTasks } from '../../../src/writer/group-commit/kafka-tasks.js'
import { decodeAll } from '../../protocol/record-batch/decode.js'
import { ScriptedKafka } from '../scripted-kafka.js'
import { ScriptedInstance } from './scripted-instance.js'

const TASK = { application: 'app', task: 2 }
const CHANGELOG = { topic: 'app-changelog', partition: 2 }
const work = (offsets = new Map<string, number>()) => ({
  outputs: [],
  changelog: [{ key: Buffer.from('k'), value: null }],
  offsets,
})

/** The tasks of one instance. */
function tasks(kafka = new ScriptedKafka({ 'app-changelog': 3, 'other-changelog': 3 }), name?: string) {
  const { options: own, topics, published } = new ScriptedInstance(kafka)
  const verified: string[] = []
  const options = {
    ...own,
    changelog: { replicationFactor: 1, config: {} },
    onNotice: () => {},
    verifyMembership: async (application: string) => {
      verified.push(application)
      return 'member' as const
    },
    ...(name !== undefined && { newInstanceName: () => name }),
  }
  return { kafka, topics, published, verified, tasks: new KafkaTasks(kafka.cluster, kafka.source, options) }
}
/** The transactional ids in the history of requests, in the order of their first request. */
const idsOf = ({ history }: ScriptedKafka): string[] => [
  ...new Set(history.map((request) => request.split(' ')[1] ?? '')),
]

describe('opening a task', () => {
  it('commits OWNER under the transactional id of the instance, and has its offset as token', async () => {
    const { kafka, tasks: opener } = tasks(undefined, 'one')
    expect(await opener.open(TASK)).toMatchObject({
      token: { topicId: 'id of app-changelog', offset: 0 },
      changelog: CHANGELOG,
      openedAt: 1_700_000_000_000,
    })
    expect(kafka.requests).toEqual(['InitProducerId 5', 'AddPartitionsToTxn 3', 'Produce 11', 'EndTxn 4'])
    expect(idsOf(kafka)).toEqual(['app-one.0'])
    expect((await opener.open(TASK)).token.offset).toBe(2) // behind the first OWNER and its marker
  })

  it('uses one producer for all tasks of an application, and one for each application', async () => {
    const { kafka, tasks: opener } = tasks(undefined, 'one')
    for (const task of [0, 1, 2]) await opener.open({ application: 'app', task })
    await opener.open({ application: 'other', task: 0 })
    expect(kafka.count('InitProducerId')).toBe(2)
    expect(idsOf(kafka)).toEqual(['app-one.0', 'other-one.0'])
  })

  it('uses transactional ids that no other instance has, now or later', async () => {
    const kafka = new ScriptedKafka({ 'app-changelog': 3 })
    for (let start = 0; start < 10; start++) await tasks(kafka).tasks.open(TASK)
    expect(idsOf(kafka)).toHaveLength(10)
    for (const id of idsOf(kafka)) expect(id).toMatch(/^app-[0-9a-f]{12}\.0$/)
  })

  it.each([
    [0, 'Produce 11'],
    [1, 'Produce 11'],
    [2, 'Produce 12'],
    [3, 'Produce 12'],
  ])('uses the requests of transaction.version %i, which it reads for each producer', async (version, request) => {
    const { kafka, tasks: opener } = tasks()
    let asked = 0
    kafka.transactionVersion = async () => {
      asked++
      return version
    }
    await opener.open(TASK)
    await opener.open(TASK)
    expect(kafka.requests).toContain(request)
    expect(asked).toBe(1)
  })

  it('writes only OWNER', async () => {
    const { kafka, tasks: opener } = tasks(undefined, 'one')
    await opener.open(TASK)
    expect(kafka.sent.map(({ place, count }) => [place, count])).toEqual([['app-changelog/2', 1]])
    const [owner] = decodeAll(Buffer.from(kafka.sent[0]?.bytes ?? '', 'hex'))
    const { key } = ownerRecord({ session: new Uint8Array(16), transactionalId: 'app-one.0' })
    expect(owner).toMatchObject({ key: Buffer.from(key), timestamp: kafka.clock.now() })
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
    await session.commit(work())
    expect(kafka.described).toEqual([])
  })

  it('publishes the offsets that a commit has processed', async () => {
    const { published, tasks: opener } = tasks()
    const session = await opener.open(TASK)
    const offsets = new Map([['in', 9]])
    await session.commit(work(offsets))
    expect(published).toEqual([['app', 2, offsets]])
  })

  it('takes the task from the session that was open before', async () => {
    const { tasks: opener } = tasks()
    const before = await opener.open(TASK)
    const after = await opener.open(TASK)
    expect(await before.commit(work())).toMatchObject({ outcome: 'fenced' })
    // two OWNERs, each with a marker
    expect(await after.commit(work())).toEqual({ outcome: 'committed', changelogOffset: 4 })
  })

  it('takes the task from another instance', async () => {
    const kafka = new ScriptedKafka({ 'app-changelog': 3 })
    const before = await tasks(kafka).tasks.open(TASK)
    const after = await tasks(kafka).tasks.open(TASK)
    expect(await after.commit(work())).toEqual({ outcome: 'committed', changelogOffset: 4 })
    expect(await before.commit(work())).toMatchObject({ outcome: 'fenced' })
  })

  it('verifies the membership in the group of the application after a failure', async () => {
    const { kafka, verified, tasks: opener } = tasks()
    await opener.open({ application: 'other', task: 0 })
    expect(verified).toEqual([])
    kafka.faults.Produce = [87]
    await expect(opener.open(TASK)).rejects.toMatchObject({ code: 'LOG_FAILED' })
    await opener.open(TASK)
    expect(verified).toEqual(['app'])
  })

  it('shares the size of transactions between applications: a quota applies to the client', async () => {
    const kafka = new ScriptedKafka({ 'app-changelog': 3, 'other-changelog': 3 })
    const { tasks: opener } = tasks(kafka)
    const one = await opener.open(TASK)
    const other = await opener.open({ application: 'other', task: 0 })
    const large = { ...work(), changelog: Array.from({ length: 60 }, () => ({ key: Buffer.alloc(700), value: null })) }
    await one.commit(large)
    expect(other.maxCommitBytes).toBeGreaterThan(48 * 2 ** 10)
    expect(other.maxCommitBytes).toBe(one.maxCommitBytes)
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
    ['Produce', [87]],
    ['EndTxn', [48]],
    ['EndTxn', Array.from({ length: 1_000 }, () => 'response lost' as const)],
  ] as const)('is retriable after a refusal, or with an unknown outcome: %s', async (api, faults) => {
    const { kafka, tasks: opener } = tasks()
    kafka.faults[api] = [...faults]
    await expect(opener.open(TASK)).rejects.toMatchObject({ code: 'LOG_FAILED', retriable: true })
    kafka.faults[api] = []
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
    expect((await opener.open(TASK)).token).toEqual({ topicId: 'id of app-changelog', offset: 2 })
  })

  it('is refused if the brokers do not say when they append: the setting may have changed since the start', async () => {
    const { kafka, tasks: opener } = tasks()
    kafka.appendedAt = -1
    await expect(opener.open(TASK)).rejects.toMatchObject({
      ...CHANGELOG,
      code: 'TOPIC_UNSUITABLE',
      retriable: false,
      message: expect.stringContaining('set message.timestamp.type of app-changelog to LogAppendTime'),
    })
  })

  it('reports the cause and the topic', async () => {
    const { kafka, tasks: opener } = tasks()
    kafka.faults.Produce = [87]
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
  const preparing = (info: object, configs: Record<string, string> = {}, reports = false) => {
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
    const { options: own } = new ScriptedInstance(kafka)
    const options = {
      ...own,
      changelog: { replicationFactor: 1, config: {} },
      onNotice: () => {},
    }
    return new KafkaTasks(kafka.cluster, source, options).prepare({
      application: 'app',
      partitions: 3,
      maxMessageBytes: 1_000,
      reports,
    })
  }

  it('accepts a suitable changelog', async () => {
    expect(await preparing({})).toMatchObject({ topic: 'app-changelog', partitions: 3 })
  })

  it('rejects another number of partitions', async () => {
    await expect(preparing({ partitions: 4 })).rejects.toMatchObject({
      code: 'PARTITIONS_CHANGED',
      topic: 'app-changelog',
      message: expect.stringContaining(
        'app-changelog has 4 partitions, but the inputs have 3: keys have moved, so give the application another name (reset fails, because it keeps this topic)',
      ),
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

  it.each(['lz4', 'snappy', 'zstd'])(
    'rejects a topic for reports of calls that brokers compress with %s: they could not be read when one is needed',
    async (type) => {
      const problem = `compression.type is ${type}, it must be producer, uncompressed or gzip`
      await expect(preparing({}, { 'compression.type': type }, true)).rejects.toMatchObject({
        code: 'TOPIC_UNSUITABLE',
        topic: 'app.calls.reports',
        problems: [problem],
        message: `TOPIC_UNSUITABLE: topic app.calls.reports is not suitable for reports of calls: ${problem}`,
      })
    },
  )

  it.each(['producer', 'uncompressed', 'gzip'])(
    'accepts a topic for reports of calls with compression.type %s',
    async (type) => {
      expect(await preparing({}, { 'compression.type': type }, true)).toMatchObject({ topic: 'app-changelog' })
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
