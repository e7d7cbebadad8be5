import { JoineryError, type NewRecord } from '@joinery/core'
import type { TaskWork } from '@joinery/core/log'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../src/protocol/protocol-error.js'
import type { EncodedOutputs } from '../../src/writer/encoded-outputs.js'
import { KafkaSession, lastOffset } from '../../src/writer/kafka-session.js'
import { OutputTopics } from '../../src/writer/output-topics.js'
import { Producer } from '../../src/writer/producer.js'
import { TransactionCoordinator } from '../../src/writer/transaction-coordinator.js'
import { transactionProtocol } from '../../src/writer/transaction-protocol.js'
import { TransactionSize } from '../../src/writer/transaction-size.js'
import { decodeAll } from '../protocol/record-batch/decode.js'
import { type ApiName, type Fault, ScriptedKafka } from './scripted-kafka.js'
import { toBatches } from './to-batches.js'

const CHANGELOG = { topic: 'app-changelog', partition: 0 }
const output = (partition: number): NewRecord => ({
  topic: 'out',
  partition,
  key: null,
  value: Buffer.from('v'),
  timestamp: 5,
  headers: [],
})
const work = (): TaskWork => ({
  outputs: [output(0), output(1), output(0)],
  changelog: [
    { key: Buffer.from('waiter'), value: null },
    { key: Buffer.from('position'), value: Buffer.from('p') },
  ],
  offsets: new Map([['in', 9]]),
})

async function open({ version = 1 } = {}) {
  const kafka = new ScriptedKafka({ out: 2, 'app-changelog': 1 })
  const protocol = transactionProtocol(version)
  const coordinator = new TransactionCoordinator(kafka.cluster, 'app-0', 30_000, protocol)
  const options = {
    transactionalId: 'app-0',
    channel: 'main',
    codec: 'none',
    versions: protocol.produce,
  } as const
  const producer = new Producer(kafka.cluster, options)
  producer.setProducerIdAndEpoch(await coordinator.init())
  const published: ReadonlyMap<string, number>[] = []
  const throttled = { ms: 0 }
  const session = new KafkaSession({
    token: { topicId: 'id', offset: 0 },
    openedAt: 0,
    changelog: CHANGELOG,
    cluster: kafka.cluster,
    coordinator,
    producer,
    topics: new OutputTopics(kafka.cluster),
    size: new TransactionSize(30_000),
    throttledMs: () => throttled.ms,
    publish: (offsets) => published.push(offsets),
  })
  kafka.requests.length = 0
  return { kafka, session, published, throttled }
}

describe('a commit', () => {
  it('adds partitions, writes and ends, in this order, and returns the offset of its last changelog record', async () => {
    const { kafka, session, published } = await open()
    expect(await session.commit(work())).toEqual({ outcome: 'committed', changelogOffset: 1 })
    expect(await session.commit(work())).toEqual({ outcome: 'committed', changelogOffset: 3 })
    expect(kafka.requests).toEqual([
      'AddPartitionsToTxn 3',
      'Produce 11',
      'EndTxn 4',
      'AddPartitionsToTxn 3',
      'Produce 11',
      'EndTxn 4',
    ])
    expect([kafka.written('out/0'), kafka.written('out/1'), kafka.written('app-changelog/0')]).toEqual([4, 2, 4])
    expect(published).toEqual([new Map([['in', 9]]), new Map([['in', 9]])])
  })

  it('starts a new epoch, and new sequence numbers, with each transaction if the brokers have KIP-890 part 2', async () => {
    const { kafka, session } = await open({ version: 2 })
    for (const changelogOffset of [1, 3, 5])
      expect(await session.commit(work())).toEqual({ outcome: 'committed', changelogOffset })
    expect(kafka.requests.slice(0, 2)).toEqual(['Produce 12', 'EndTxn 5'])
    const changelog = kafka.sent.filter(({ place }) => place === 'app-changelog/0')
    expect(changelog.map(({ epoch, sequence }) => [epoch, sequence])).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
    ])
  })

  it('keeps its epoch, and continues its sequence, with older brokers', async () => {
    const { kafka, session } = await open()
    for (let i = 0; i < 3; i++) await session.commit(work())
    const changelog = kafka.sent.filter(({ place }) => place === 'app-changelog/0')
    expect(changelog.map(({ epoch, sequence }) => [epoch, sequence])).toEqual([
      [0, 0],
      [0, 2],
      [0, 4],
    ])
  })

  it('after closing sends nothing', async () => {
    const { kafka, session } = await open()
    await session.close()
    await session.close()
    expect(await session.commit(work())).toEqual({ outcome: 'rejected' })
    expect(kafka.requests).toEqual([])
  })
})

type Case = readonly [api: ApiName, fault: Fault, expected: string]
const CASES: readonly Case[] = [
  // a newer owner or the broker has ended this epoch
  ...[47, 48, 49, 52, 90].flatMap((code): Case[] => [
    ['AddPartitionsToTxn', code, 'fenced'],
    ['Produce', code, 'fenced'],
    ['EndTxn', code, 'fenced'],
  ]),
  // before EndTxn was sent nothing can have been committed
  ...[120, -1].map((code): Case => ['AddPartitionsToTxn', code, 'rejected']),
  ...[2, 32, 45, 87, 120, -1].map((code): Case => ['Produce', code, 'rejected']),
  // sent again with the same bytes, nothing is written twice
  ...[3, 14, 15, 16, 51, 'request lost', 'response lost'].map(
    (fault): Case => ['AddPartitionsToTxn', fault as Fault, 'committed'],
  ),
  ...[3, 6, 7, 19, 51, 'request lost', 'response lost'].map((fault): Case => ['Produce', fault as Fault, 'committed']),
  // the coordinator reports that it has not applied it
  ...[14, 15, 16, 51].map((code): Case => ['EndTxn', code, 'committed']),
  // the outcome is unknown
  ...(['request lost', 'response lost', 'response cut'] as const).map((fault): Case => ['EndTxn', fault, 'unclear']),
  ...[-1, 120].map((code): Case => ['EndTxn', code, 'unclear']),
  // a new session does not help
  ...[29, 31, 53].map((code): Case => ['AddPartitionsToTxn', code, 'NOT_AUTHORIZED']),
  ['Produce', 29, 'NOT_AUTHORIZED'],
  ['EndTxn', 53, 'NOT_AUTHORIZED'],
  ['Produce', 10, 'RECORD_TOO_LARGE'],
  ['Produce', 18, 'RECORD_TOO_LARGE'],
]

describe.each([{ version: 1 }, { version: 2 }])('the outcome (transaction.version $version)', (protocol) => {
  const cases = CASES.filter(([api]) => !(protocol.version === 2 && api === 'AddPartitionsToTxn'))

  it.each(cases)('of %s with %s is %s', async (api, fault, expected) => {
    const { kafka, session, published } = await open(protocol)
    kafka.faults[api] = [fault]
    const outcome = await session.commit(work()).then(
      (result) => result.outcome,
      (error: { readonly code: string }) => error.code,
    )
    expect(outcome).toBe(expected)
    const requests = kafka.requests.length
    const places = ['out/0', 'out/1', 'app-changelog/0']
    if (expected === 'committed') {
      expect(places.map((place) => kafka.written(place))).toEqual([2, 1, 2])
      expect(published).toHaveLength(1)
      return
    }
    // anything else ends the session: what follows needs a new epoch
    expect(published).toEqual([])
    expect(await session.commit(work())).toEqual({ outcome: expected === 'fenced' ? 'fenced' : 'rejected' })
    expect(kafka.requests).toHaveLength(requests)
    expect(kafka.requests.filter((request) => request.startsWith('EndTxn'))).toHaveLength(api === 'EndTxn' ? 1 : 0)
  })

  it('is fenced when another owner has begun', async () => {
    const { kafka, session } = await open(protocol)
    await session.commit(work())
    kafka.fence()
    expect(await session.commit(work())).toMatchObject({ outcome: 'fenced', cause: expect.any(ProtocolError) })
    expect(kafka.written('out/0')).toBe(2)
  })
})

describe('a session', () => {
  it('looks up each topic once', async () => {
    const { kafka, session } = await open()
    let counted = 0
    const { partitionsOf } = kafka
    kafka.partitionsOf = (topic) => {
      counted++
      return partitionsOf(topic)
    }
    await session.commit(work())
    await session.commit(work())
    expect(counted).toBe(2)
    expect(kafka.described).toEqual([['out', 'app-changelog']])
  })

  it('writes changelog records as they are, with the time of the commit', async () => {
    const { kafka, session } = await open()
    await session.commit({ ...work(), outputs: [] })
    const [sent] = kafka.sent
    expect(decodeAll(Buffer.from(sent?.bytes ?? '', 'hex'))).toMatchObject([
      { key: Buffer.from('waiter'), value: null, timestamp: kafka.clock.now(), headers: [] },
      { key: Buffer.from('position'), value: Buffer.from('p'), timestamp: kafka.clock.now(), headers: [] },
    ])
  })

  it('creates no batch that is larger than its topic allows', async () => {
    const { kafka, session } = await open()
    const large = { ...output(0), value: Buffer.alloc(600) }
    await session.commit({ ...work(), outputs: [large, large] })
    expect(kafka.logs.get('out/0')?.map(({ count }) => count)).toEqual([1, 1])
  })

  it('writes outputs that were encoded already before the others of their partition', async () => {
    const { kafka, session } = await open()
    await session.commit(work())
    const buffered = session.buffer()
    buffered.add({ ...output(1), value: Buffer.from('early') })
    await session.commit({ ...work(), buffered, outputs: [{ ...output(1), value: Buffer.from('late') }] })
    const bytes = Buffer.from(kafka.logs.get('out/1')?.at(-1)?.bytes ?? '', 'hex')
    expect(bytes.indexOf('early')).toBeGreaterThan(0)
    expect(bytes.indexOf('late')).toBeGreaterThan(bytes.indexOf('early'))
  })

  it('reuses the buffers of acknowledged batches, never those that are being sent', async () => {
    const { session } = await open()
    await session.commit(work())
    const filled = () => {
      const outputs = session.buffer() as EncodedOutputs
      for (const partition of [0, 1]) outputs.add(output(partition))
      return { outputs, bytes: outputs.accumulator.batches.map(({ builder }) => builder.buffer) }
    }
    const first = filled()
    const commit = session.commit({ ...work(), buffered: first.outputs })
    const second = filled()
    expect(second.bytes.filter((buffer) => first.bytes.includes(buffer))).toEqual([])
    await commit
    const later = [filled(), filled()].flatMap(({ bytes }) => bytes)
    expect(later).toEqual(expect.arrayContaining(first.bytes))
  })

  it('returns no offset if nothing was written to the changelog', async () => {
    const { session } = await open()
    expect(await session.commit({ ...work(), changelog: [] })).toEqual({ outcome: 'committed', changelogOffset: -1 })
  })
})

describe('the last offset', () => {
  const records = [0, 1, 1].map(output).concat({ ...output(0), topic: 'other' })
  const sizes = new Map([
    ['out', 2],
    ['other', 2],
  ])
  const sent = toBatches(records, sizes, new Map([...sizes.keys()].map((topic) => [topic, 1_000])))
  sent.forEach((batch, i) => {
    batch.baseOffset = 10 * (i + 1)
  })

  it.each([
    ['out', 0, 10],
    ['out', 1, 21],
    ['other', 0, 30],
    ['other', 1, -1],
  ])('of %s[%i] is %i', (topic, partition, expected) => {
    expect(lastOffset(sent, { topic, partition })).toBe(expected)
  })
})

describe('a fatal error', () => {
  it('names the topic with the error, not one that was not attempted because of it', async () => {
    const { kafka, session } = await open()
    kafka.faults.AddPartitionsToTxn = [29]
    await expect(session.commit(work())).rejects.toMatchObject({ code: 'NOT_AUTHORIZED', topic: 'out' })
  })

  it('names a topic that does not exist', async () => {
    const { kafka, session } = await open()
    await expect(session.commit({ ...work(), outputs: [{ ...output(0), topic: 'nowhere' }] })).rejects.toMatchObject({
      code: 'TOPIC_MISSING',
      topic: 'nowhere',
      message: expect.stringContaining('topic nowhere does not exist: create it'),
    })
    expect(kafka.requests).toEqual([])
  })

  it('names a topic that is forbidden', async () => {
    const { kafka, session } = await open()
    kafka.partitionsOf = () => Promise.reject(new ProtocolError(29, 'Metadata of out'))
    await expect(session.commit(work())).rejects.toMatchObject({
      code: 'NOT_AUTHORIZED',
      topic: 'out',
      message: expect.stringContaining('write to topic out (TOPIC_AUTHORIZATION_FAILED)'),
    })
  })

  it('is none if a topic could not be looked up', async () => {
    const { kafka, session } = await open()
    const cause = new JoineryError('LOG_FAILED', 'no broker', { retriable: true })
    kafka.partitionsOf = () => Promise.reject(cause)
    expect(await session.commit(work())).toEqual({ outcome: 'rejected', cause })
  })

  it('names a topic that stays unknown if partitions have to be added first', async () => {
    const { kafka, session } = await open()
    kafka.faults.AddPartitionsToTxn = Array.from({ length: 1_000 }, () => 3)
    await expect(session.commit(work())).rejects.toMatchObject({ code: 'TOPIC_MISSING', topic: 'out' })
    expect(kafka.clock.waits).toEqual(Array.from({ length: 49 }, () => 100))
  })
})
