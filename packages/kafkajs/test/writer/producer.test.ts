import { JoineryError, type NewRecord } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { CODE } from '../../src/protocol/error-codes.js'
import { FIND_COORDINATOR } from '../../src/protocol/find-coordinator.js'
import { INIT_PRODUCER_ID } from '../../src/protocol/init-producer-id.js'
import { PRODUCE } from '../../src/protocol/produce.js'
import { ProtocolError } from '../../src/protocol/protocol-error.js'
import type { OutgoingBatch } from '../../src/writer/outgoing-batch.js'
import { Producer } from '../../src/writer/producer.js'
import { BatchRefused } from '../../src/writer/refused-records.js'
import { TransactionCoordinator } from '../../src/writer/transaction-coordinator.js'
import { transactionProtocol } from '../../src/writer/transaction-protocol.js'
import { decodeAll } from '../protocol/record-batch/decode.js'
import { FakeBrokers, outcomeOf } from '../support/fake-brokers.js'
import { PRODUCER_ID, ScriptedKafka } from './scripted-kafka.js'
import { toBatches } from './to-batches.js'

const TOPICS = { a: 3, b: 1 }
const PARTITIONS = new Map(Object.entries(TOPICS))
const SIZES = new Map([
  ['a', 1_000],
  ['b', 1_000],
])

/** A transaction of `app-0` with all partitions. */
function begin({ transactions }: ScriptedKafka): void {
  const { producerId, epoch } = transactions.init('app-0')
  transactions.add({ id: 'app-0', producerId, epoch }, ['a/0', 'a/1', 'a/2', 'b/0'])
}

function producing({ version = 1 } = {}) {
  const kafka = new ScriptedKafka(TOPICS)
  begin(kafka)
  const producer = new Producer(kafka.cluster, {
    transactionalId: 'app-0',
    channel: 'main',
    codec: 'none',
    deliveryTimeoutMs: 12_000,
    versions: transactionProtocol(version).produce,
  })
  producer.setProducerIdAndEpoch({ producerId: PRODUCER_ID, epoch: 0 })
  return { kafka, producer }
}
/** Sends batches, each of which has to be acknowledged. */
async function deliver(producer: Producer, all: readonly OutgoingBatch[]): Promise<void> {
  expect(await producer.send(all)).toEqual(new Map())
}
/** Sends batches; returns the errors of those that were not acknowledged, by partition. */
async function failuresOf(producer: Producer, all: readonly OutgoingBatch[]): Promise<Record<string, unknown>> {
  const failures = await producer.send(all)
  return Object.fromEntries(Array.from(failures, ([{ topic, partition }, error]) => [`${topic}/${partition}`, error]))
}
const batches = (...places: (readonly [topic: string, partition: number, count?: number])[]): OutgoingBatch[] => {
  const records = places.flatMap(([topic, partition, count = 1]) =>
    Array.from(
      { length: count },
      (): NewRecord => ({ topic, partition, key: null, value: null, timestamp: 0, headers: [] }),
    ),
  )
  return toBatches(records, PARTITIONS, SIZES)
}
const sequences = ({ sent }: ScriptedKafka) => sent.map(({ place, epoch, sequence }) => `${place} ${epoch}:${sequence}`)

describe.each([{ version: 1 }, { version: 2 }])('a producer (transaction.version $version)', (protocol) => {
  it('continues the sequence of each partition within an epoch', async () => {
    const { kafka, producer } = producing(protocol)
    await deliver(producer, batches(['a', 0, 3], ['b', 0, 2]))
    await deliver(producer, batches(['a', 0, 4]))
    await deliver(producer, batches(['a', 0, 1], ['b', 0, 1]))
    expect(sequences(kafka)).toEqual(['a/0 0:0', 'b/0 0:0', 'a/0 0:3', 'a/0 0:7', 'b/0 0:2'])
    expect([kafka.written('a/0'), kafka.written('b/0')]).toEqual([8, 3])
  })

  it('begins at 0 with a new epoch, and only then', async () => {
    const { kafka, producer } = producing(protocol)
    await deliver(producer, batches(['a', 0, 3]))
    producer.setProducerIdAndEpoch({ producerId: PRODUCER_ID, epoch: 0 })
    await deliver(producer, batches(['a', 0, 3]))
    begin(kafka)
    producer.setProducerIdAndEpoch({ producerId: PRODUCER_ID, epoch: 1 })
    await deliver(producer, batches(['a', 0, 3]))
    expect(sequences(kafka)).toEqual(['a/0 0:0', 'a/0 0:3', 'a/0 1:0'])
    expect(kafka.written('a/0')).toBe(9)
  })

  it('sets the offset of each batch, and when it was appended', async () => {
    const { producer } = producing(protocol)
    await deliver(producer, batches(['a', 1, 5]))
    const [batch] = batches(['a', 1, 2]) as [OutgoingBatch]
    await deliver(producer, [batch])
    expect(batch).toMatchObject({ baseOffset: 5, appendedAt: 1_700_000_000_000 })
  })

  it('sends several batches of one partition one after the other', async () => {
    const { kafka, producer } = producing(protocol)
    const records = [1, 2, 3, 4].map((fill) => ({
      topic: 'a',
      partition: 0,
      key: null,
      value: Buffer.alloc(600, fill),
      timestamp: 0,
      headers: [],
    }))
    await deliver(producer, toBatches(records, PARTITIONS, SIZES))
    expect(kafka.requests).toHaveLength(4)
    expect(sequences(kafka)).toEqual(['a/0 0:0', 'a/0 0:1', 'a/0 0:2', 'a/0 0:3'])
    const values = kafka.sent
      .flatMap(({ bytes }) => decodeAll(Buffer.from(bytes, 'hex')))
      .map(({ value }) => value?.[0])
    expect(values).toEqual([1, 2, 3, 4])
  })

  it('sends again only the rejected batches', async () => {
    const { kafka, producer } = producing(protocol)
    kafka.refusals['b/0'] = [6, 6]
    await deliver(producer, batches(['a', 0], ['b', 0], ['a', 1]))
    expect(sequences(kafka)).toEqual(['a/0 0:0', 'a/1 0:0', 'b/0 0:0'])
    expect(kafka.refreshed).toEqual([['b'], ['b']])
  })

  it.each(['request lost', 'response lost', 'partition missing', 'another partition'] as const)(
    'sends the same bytes again, and writes once: %s',
    async (fault) => {
      const { kafka, producer } = producing(protocol)
      kafka.faults.Produce = [fault]
      await deliver(producer, batches(['a', 0, 2], ['b', 0, 2]))
      expect([kafka.written('a/0'), kafka.written('b/0')]).toEqual([2, 2])
      expect(new Set(kafka.bodies).size).toBe(1)
    },
  )

  it.each([3, 5, 6, 7, 19, 20, 51, 56, 74, 75])('sends the same bytes again after code %i', async (code) => {
    const { kafka, producer } = producing(protocol)
    kafka.faults.Produce = [code]
    await deliver(producer, batches(['a', 0, 2]))
    expect(kafka.written('a/0')).toBe(2)
    expect(kafka.requests).toHaveLength(2)
    expect(new Set(kafka.bodies).size).toBe(1)
    expect(kafka.refreshes).toBe(1)
  })

  it.each([2, 10, 18, 29, 32, 45, 47, 48, 49, 87, 90, 120])('does not send again after code %i', async (code) => {
    const { kafka, producer } = producing(protocol)
    kafka.faults.Produce = [code]
    expect(await failuresOf(producer, batches(['a', 0, 2]))).toMatchObject({
      'a/0': { code, topic: 'a', message: expect.stringMatching(/^Produce to a\[0\] failed with /) },
    })
    expect(kafka.requests).toHaveLength(1)
  })
})

describe('a producer', () => {
  it('detects that a broker acknowledges a batch as a duplicate without writing it', async () => {
    const { kafka, producer } = producing()
    await deliver(producer, batches(['a', 0, 2]))
    producer.setProducerIdAndEpoch({ producerId: PRODUCER_ID, epoch: 9 })
    producer.setProducerIdAndEpoch({ producerId: PRODUCER_ID, epoch: 0 }) // a mistake: the same epoch begins at 0 again
    expect(await failuresOf(producer, batches(['a', 0, 2]))).toMatchObject({
      'a/0': { code: CODE.DUPLICATE_SEQUENCE_NUMBER },
    })
    expect(kafka.written('a/0')).toBe(2)
  })

  it('does not retry permanent errors, but all others', async () => {
    const { kafka, producer } = producing()
    const failures = [
      new Error('odd'),
      new JoineryError('LOG_FAILED', 'no broker', { retriable: true }),
      new JoineryError('LOG_CLOSED', 'the log was closed'),
    ]
    kafka.leaderOf = () => Promise.reject(failures[kafka.refreshes]) // another one after each refresh
    expect(await failuresOf(producer, batches(['a', 0]))).toMatchObject({ 'a/0': { code: 'LOG_CLOSED' } })
    expect([kafka.refreshes, kafka.requests]).toEqual([2, []])
  })

  it('returns the error of each batch that was not written, and writes the others', async () => {
    const { kafka, producer } = producing()
    kafka.refusals['a/0'] = [10]
    kafka.refusals['b/0'] = [6, 87]
    const failures = await failuresOf(producer, batches(['a', 0], ['a', 1], ['b', 0]))
    expect(failures).toMatchObject({ 'a/0': { code: 10, topic: 'a' }, 'b/0': { code: 87, topic: 'b' } })
    expect(Object.keys(failures)).toHaveLength(2)
    expect(kafka.written('a/1')).toBe(1)
  })

  it.each([32, 44, 87])('takes code %i for a refusal of records', async (code) => {
    const { kafka, producer } = producing()
    kafka.refusals['a/0'] = [code]
    const failures = await failuresOf(producer, batches(['a', 0]))
    expect(failures['a/0']).toBeInstanceOf(BatchRefused)
  })

  it('returns no error of a batch that is acknowledged in the end', async () => {
    const { kafka, producer } = producing()
    kafka.refusals['a/0'] = [6, 7, 51]
    kafka.refusals['b/0'] = [87]
    expect(Object.keys(await failuresOf(producer, batches(['a', 0], ['b', 0])))).toEqual(['b/0'])
    expect(kafka.written('a/0')).toBe(1)
  })

  it('reports the error of one leader, also if another one has failed', async () => {
    const { kafka, producer } = producing()
    kafka.leaderOf = (topic) => (topic === 'a' ? 1 : 2)
    kafka.faults.Produce = [10, 'request lost']
    const failures = await failuresOf(producer, batches(['a', 0], ['b', 0]))
    expect(failures).toEqual({ 'a/0': expect.objectContaining({ code: 10 }) })
    expect(kafka.requests).toHaveLength(3)
  })

  it('does not send a later batch of a partition after one that was not written', async () => {
    const { kafka, producer } = producing()
    const [first, second] = [...batches(['a', 0]), ...batches(['a', 0])] as [OutgoingBatch, OutgoingBatch]
    const [other, last] = [...batches(['b', 0]), ...batches(['b', 0])] as [OutgoingBatch, OutgoingBatch]
    kafka.refusals['a/0'] = [87]
    const failures = await producer.send([first, second, other, last])
    expect([...failures.keys()]).toEqual([first, second])
    expect(failures.get(second)).toBe(failures.get(first))
    expect(kafka.sent.map(({ place }) => place)).toEqual(['b/0', 'b/0'])
  })

  it('begins at 0 under another id with the same epoch', async () => {
    const { kafka, producer } = producing()
    await deliver(producer, batches(['a', 0, 3]))
    producer.setProducerIdAndEpoch({ producerId: PRODUCER_ID + 1n, epoch: 0 })
    await producer.send(batches(['a', 0, 1]))
    expect(kafka.sent.map(({ producerId, sequence }) => [producerId, sequence])).toEqual([
      [PRODUCER_ID, 0],
      [PRODUCER_ID + 1n, 0],
    ])
  })

  it('refreshes the leaders of missing batches, once for each topic', async () => {
    const { kafka, producer } = producing()
    kafka.faults.Produce = [6]
    await deliver(producer, batches(['a', 0], ['a', 1], ['b', 0]))
    expect(kafka.refreshed).toEqual([['a', 'b']])
  })

  it('waits 4, 8, 16 … ms for a transaction that is still ending, and 50 ms for anything else', async () => {
    const { kafka, producer } = producing()
    kafka.faults.Produce = [6, 51, 51, 51, 51, 51, 51, 51, 6]
    await deliver(producer, batches(['a', 0]))
    expect(kafka.clock.waits).toEqual([50, 4, 8, 16, 32, 50, 50, 50, 50])
  })

  it('marks batches of a transaction, and only those', async () => {
    const kafka = new ScriptedKafka(TOPICS)
    begin(kafka)
    const isTransactional = ({ bytes }: { readonly bytes: string } = { bytes: '' }) =>
      (Buffer.from(bytes, 'hex').readInt16BE(21) & 0x10) !== 0
    for (const transactionalId of ['app-0', null]) {
      const producer = new Producer(kafka.cluster, {
        transactionalId,
        channel: 'main',
        codec: 'none',
        deliveryTimeoutMs: 12_000,
      })
      producer.setProducerIdAndEpoch({ producerId: PRODUCER_ID, epoch: 0 })
      await producer.send(batches(['a', 0]))
      expect(isTransactional(kafka.sent.at(-1))).toBe(transactionalId !== null)
    }
  })

  it('sends a batch again until the time for its delivery is over, and returns the last error', async () => {
    const { kafka, producer } = producing()
    const began = kafka.clock.monotonic()
    kafka.faults.Produce = [7, ...Array.from({ length: 1_000 }, () => 6)]
    expect(await failuresOf(producer, batches(['a', 0]))).toMatchObject({ 'a/0': { code: 6 } })
    const took = kafka.clock.monotonic() - began
    expect(took).toBeGreaterThanOrEqual(12_000)
    expect(took).toBeLessThan(12_100)
  })

  it('has one time for all batches of a call, those that follow in their partition included', async () => {
    const { kafka, producer } = producing()
    const began = kafka.clock.monotonic()
    const busy = (ms: number) => Array.from({ length: ms / 50 }, () => 6)
    kafka.refusals['a/0'] = busy(11_000)
    kafka.onRequest = () => {
      if (kafka.sent.length === 1) kafka.refusals['a/0'] = busy(50_000)
    }
    const [first, second] = [...batches(['a', 0]), ...batches(['a', 0])] as [OutgoingBatch, OutgoingBatch]
    const failures = await producer.send([first, second])
    expect([...failures.keys()]).toEqual([second])
    expect(kafka.clock.monotonic() - began).toBeLessThan(12_100)
  })

  it('reports a topic that stays unknown, but waits for one that is new', async () => {
    const { kafka, producer } = producing()
    kafka.faults.Produce = Array.from({ length: 10 }, () => 3)
    await deliver(producer, batches(['a', 0]))
    kafka.faults.Produce = Array.from({ length: 1_000 }, () => 3)
    expect(await failuresOf(producer, batches(['a', 0]))).toMatchObject({
      'a/0': { code: 'TOPIC_MISSING', topic: 'a' },
    })
  })

  it('names the topic that is unknown, not another one that is missing, too', async () => {
    const { kafka, producer } = producing()
    kafka.leaderOf = (topic) => Promise.reject(new ProtocolError(topic === 'b' ? 3 : 5, `Metadata of ${topic}`, topic))
    expect(await failuresOf(producer, batches(['a', 0], ['b', 0]))).toMatchObject({
      'a/0': { code: 5, topic: 'a' },
      'b/0': { code: 'TOPIC_MISSING', topic: 'b' },
    })
  })

  it('returns an error if responses do not mention a partition', async () => {
    const { kafka, producer } = producing()
    kafka.faults.Produce = Array.from({ length: 1_000 }, () => 'partition missing' as const)
    expect(await failuresOf(producer, batches(['a', 0]))).toMatchObject({
      'a/0': {
        code: 'LOG_FAILED',
        retriable: true,
        message: expect.stringContaining('a Produce response does not mention a[0]'),
      },
    })
  })

  it('stops at once when the log is closed', async () => {
    const { kafka, producer } = producing()
    kafka.faults.Produce = Array.from({ length: 1_000 }, () => 6)
    kafka.onRequest = () => {
      if (kafka.requests.length === 3) setImmediate(() => kafka.closing.abort()) // during the pause that follows
    }
    expect(await failuresOf(producer, batches(['a', 0]))).toMatchObject({ 'a/0': { code: 'LOG_CLOSED' } })
    expect(kafka.requests).toHaveLength(3)
  })

  it('continues the sequence with 0 after 2^31 - 1, as the Java client does', async () => {
    const kafka = new ScriptedKafka(TOPICS)
    const producer = new Producer(kafka.cluster, {
      transactionalId: null,
      channel: 'main',
      codec: 'none',
      deliveryTimeoutMs: 12_000,
    })
    const huge = (batch: OutgoingBatch, count: number): OutgoingBatch => {
      Object.defineProperty(batch.builder, 'count', { value: count })
      return batch
    }
    const [first, second] = [...batches(['a', 0]), ...batches(['a', 0])] as [OutgoingBatch, OutgoingBatch]
    await producer.send([huge(first, 2 ** 31 - 3)])
    await producer.send([huge(second, 5)])
    await producer.send(batches(['a', 0]))
    expect(kafka.sent.map(({ sequence }) => sequence)).toEqual([0, 2 ** 31 - 3, 2])
  })
})

describe('a producer whose leader is replaced while a connection to it is opened', () => {
  it('sends the batches to the new one, and none to the former one', async () => {
    const kafka = new FakeBrokers()
    kafka.topics.a = [1]
    kafka.on(PRODUCE, () => produced('a', 0))
    const cluster = kafka.cluster()
    await cluster.refresh(['a'])
    let connect = () => {}
    kafka.broker(1).connecting = new Promise((resolve) => {
      connect = resolve
    })
    const producer = new Producer(cluster, {
      transactionalId: null,
      channel: 'main',
      codec: 'none',
      deliveryTimeoutMs: 30_000,
    })
    const sent = outcomeOf(producer.send(batches(['a', 0])))
    kafka.topics.a = [2]
    await cluster.refresh(['a'])
    connect()
    await kafka.advance(200)
    expect([sent.isSettled, sent.error]).toEqual([true, undefined])
    expect(kafka.arrivals(PRODUCE).map(([node]) => node)).toEqual([2])
  })
})

describe('a producer whose coordinator does not respond', () => {
  /** Until the other brokers know a new coordinator, leaders wait for the one that does not respond. */
  it('sends its batches again within two seconds of another broker taking over, behind no other request', async () => {
    const kafka = new FakeBrokers()
    let coordinator = 1
    kafka.topics.a = [2, 2, 2]
    kafka.on(FIND_COORDINATOR, () => ({
      coordinators: [{ key: 'app-0', nodeId: coordinator, host: '', port: 0, errorCode: 0, errorMessage: null }],
    }))
    kafka.on(INIT_PRODUCER_ID, () => ({ errorCode: 0, producerId: PRODUCER_ID, producerEpoch: 0 }))
    kafka.on(PRODUCE, () => (coordinator === 1 ? undefined : produced('a', 0)))
    const cluster = kafka.cluster()
    const protocol = transactionProtocol(2)
    const transactions = new TransactionCoordinator(cluster, 'app-0', {
      ...{ transactionTimeoutMs: 30_000, deliveryTimeoutMs: 30_000, protocol },
    })
    const producer = new Producer(cluster, {
      ...{
        transactionalId: 'app-0',
        channel: 'main',
        codec: 'none',
        versions: protocol.produce,
        deliveryTimeoutMs: 30_000,
      },
      coordinator: transactions,
    })
    producer.setProducerIdAndEpoch(await transactions.init())
    kafka.broker(1).state = 'frozen'
    const sent = outcomeOf(producer.send(batches(['a', 0])))
    await kafka.advance(5_000)
    expect(kafka.arrivals(PRODUCE).map(([node]) => node)).toEqual([2])
    coordinator = 3
    await kafka.advance(2_000)
    expect([sent.isSettled, sent.error]).toEqual([true, undefined])
    expect(kafka.arrivals(PRODUCE).map(([node]) => node)).toEqual([2, 2])
  })
})

const produced = (name: string, index: number) => ({
  responses: [
    {
      name,
      partitionResponses: [
        {
          ...{ index, errorCode: 0, baseOffset: 0, logAppendTimeMs: -1, logStartOffset: 0 },
          ...{ recordErrors: [], errorMessage: null },
        },
      ],
    },
  ],
})
