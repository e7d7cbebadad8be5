import { JoineryError, type NewRecord } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { CODE } from '../../src/protocol/error-codes.js'
import { ProtocolError } from '../../src/protocol/protocol-error.js'
import { Producer } from '../../src/writer/producer.js'
import type { OutgoingBatch } from '../../src/writer/record-accumulator.js'
import { transactionProtocol } from '../../src/writer/transaction-protocol.js'
import { decodeAll } from '../protocol/record-batch/decode.js'
import { PRODUCER_ID, ScriptedKafka } from './scripted-kafka.js'
import { toBatches } from './to-batches.js'

const TOPICS = { a: 3, b: 1 }
const PARTITIONS = new Map(Object.entries(TOPICS))
const SIZES = new Map([
  ['a', 1_000],
  ['b', 1_000],
])

function producing({ version = 1 } = {}) {
  const kafka = new ScriptedKafka(TOPICS)
  kafka.fence() // epoch 0
  const producer = new Producer(kafka.cluster, {
    transactionalId: 'app-0',
    channel: 'main',
    codec: 'none',
    versions: transactionProtocol(version).produce,
  })
  producer.setProducerIdAndEpoch({ producerId: PRODUCER_ID, epoch: 0 })
  return { kafka, producer }
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
    await producer.send(batches(['a', 0, 3], ['b', 0, 2]))
    await producer.send(batches(['a', 0, 4]))
    await producer.send(batches(['a', 0, 1], ['b', 0, 1]))
    expect(sequences(kafka)).toEqual(['a/0 0:0', 'b/0 0:0', 'a/0 0:3', 'a/0 0:7', 'b/0 0:2'])
    expect([kafka.written('a/0'), kafka.written('b/0')]).toEqual([8, 3])
  })

  it('begins at 0 with a new epoch, and only then', async () => {
    const { kafka, producer } = producing(protocol)
    await producer.send(batches(['a', 0, 3]))
    producer.setProducerIdAndEpoch({ producerId: PRODUCER_ID, epoch: 0 })
    await producer.send(batches(['a', 0, 3]))
    kafka.fence()
    producer.setProducerIdAndEpoch({ producerId: PRODUCER_ID, epoch: 1 })
    await producer.send(batches(['a', 0, 3]))
    expect(sequences(kafka)).toEqual(['a/0 0:0', 'a/0 0:3', 'a/0 1:0'])
    expect(kafka.written('a/0')).toBe(9)
  })

  it('sets the offset of each batch, and when it was appended', async () => {
    const { producer } = producing(protocol)
    await producer.send(batches(['a', 1, 5]))
    const [batch] = batches(['a', 1, 2]) as [OutgoingBatch]
    await producer.send([batch])
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
    await producer.send(toBatches(records, PARTITIONS, SIZES))
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
    await producer.send(batches(['a', 0], ['b', 0], ['a', 1]))
    expect(sequences(kafka)).toEqual(['a/0 0:0', 'a/1 0:0', 'b/0 0:0'])
    expect(kafka.refreshed).toEqual([['b'], ['b']])
  })

  it.each(['request lost', 'response lost', 'partition missing', 'another partition'] as const)(
    'sends the same bytes again, and writes once: %s',
    async (fault) => {
      const { kafka, producer } = producing(protocol)
      kafka.faults.Produce = [fault]
      await producer.send(batches(['a', 0, 2], ['b', 0, 2]))
      expect([kafka.written('a/0'), kafka.written('b/0')]).toEqual([2, 2])
      expect(new Set(kafka.bodies).size).toBe(1)
    },
  )

  it.each([3, 5, 6, 7, 19, 20, 51, 56, 74, 75])('sends the same bytes again after code %i', async (code) => {
    const { kafka, producer } = producing(protocol)
    kafka.faults.Produce = [code]
    await producer.send(batches(['a', 0, 2]))
    expect(kafka.written('a/0')).toBe(2)
    expect(kafka.requests).toHaveLength(2)
    expect(new Set(kafka.bodies).size).toBe(1)
    expect(kafka.refreshes).toBe(1)
  })

  it.each([2, 10, 18, 29, 32, 45, 47, 48, 49, 87, 90, 120])('does not send again after code %i', async (code) => {
    const { kafka, producer } = producing(protocol)
    kafka.faults.Produce = [code]
    await expect(producer.send(batches(['a', 0, 2]))).rejects.toMatchObject({
      code,
      topic: 'a',
      message: expect.stringMatching(/^Produce to a\[0\] failed with /),
    })
    expect(kafka.requests).toHaveLength(1)
  })
})

describe('a producer', () => {
  it('detects that a broker acknowledges a batch as a duplicate without writing it', async () => {
    const { kafka, producer } = producing()
    await producer.send(batches(['a', 0, 2]))
    producer.setProducerIdAndEpoch({ producerId: PRODUCER_ID, epoch: 9 })
    producer.setProducerIdAndEpoch({ producerId: PRODUCER_ID, epoch: 0 }) // a mistake: the same epoch begins at 0 again
    await expect(producer.send(batches(['a', 0, 2]))).rejects.toMatchObject({ code: CODE.DUPLICATE_SEQUENCE_NUMBER })
    expect(kafka.written('a/0')).toBe(2)
  })

  it('does not retry permanent errors, but all others', async () => {
    const { kafka, producer } = producing()
    const failures = [
      new Error('odd'),
      new JoineryError('LOG_FAILED', 'no broker', { retriable: true }),
      new JoineryError('LOG_CLOSED', 'the log was closed'),
    ]
    kafka.leaderOf = () => Promise.reject(failures.shift())
    await expect(producer.send(batches(['a', 0]))).rejects.toMatchObject({ code: 'LOG_CLOSED' })
    expect([failures, kafka.requests]).toEqual([[], []])
  })

  it('reports a fatal error, whatever else has failed at the same time', async () => {
    const { kafka, producer } = producing()
    kafka.leaderOf = (topic) => (topic === 'a' ? 1 : 2)
    kafka.faults.Produce = [10, 'request lost']
    await expect(producer.send(batches(['a', 0], ['b', 0]))).rejects.toMatchObject({ code: 10 })
    expect(kafka.requests).toHaveLength(2)
  })

  it('begins at 0 under another id with the same epoch', async () => {
    const { kafka, producer } = producing()
    await producer.send(batches(['a', 0, 3]))
    producer.setProducerIdAndEpoch({ producerId: PRODUCER_ID + 1n, epoch: 0 })
    await producer.send(batches(['a', 0, 1])).catch(() => {})
    expect(kafka.sent.map(({ producerId, sequence }) => [producerId, sequence])).toEqual([
      [PRODUCER_ID, 0],
      [PRODUCER_ID + 1n, 0],
    ])
  })

  it('refreshes the leaders of missing batches, once for each topic', async () => {
    const { kafka, producer } = producing()
    kafka.faults.Produce = [6]
    await producer.send(batches(['a', 0], ['a', 1], ['b', 0]))
    expect(kafka.refreshed).toEqual([['a', 'b']])
  })

  it('waits 4, 8, 16 … ms for a transaction that is still ending, and 50 ms for anything else', async () => {
    const { kafka, producer } = producing()
    kafka.faults.Produce = [6, 51, 51, 51, 51, 51, 51, 51, 6]
    await producer.send(batches(['a', 0]))
    expect(kafka.clock.waits).toEqual([50, 4, 8, 16, 32, 50, 50, 50, 50])
  })

  it('marks batches of a transaction, and only those', async () => {
    const kafka = new ScriptedKafka(TOPICS)
    kafka.fence()
    const isTransactional = ({ bytes }: { readonly bytes: string } = { bytes: '' }) =>
      (Buffer.from(bytes, 'hex').readInt16BE(21) & 0x10) !== 0
    for (const transactionalId of ['app-0', null]) {
      const producer = new Producer(kafka.cluster, {
        transactionalId,
        channel: 'main',
        codec: 'none',
      })
      producer.setProducerIdAndEpoch({ producerId: PRODUCER_ID, epoch: 0 })
      await producer.send(batches(['a', 0])).catch(() => {})
      expect(isTransactional(kafka.sent.at(-1))).toBe(transactionalId !== null)
      kafka.fence()
    }
  })

  it('is an error in the end, the last one', async () => {
    const { kafka, producer } = producing()
    kafka.faults.Produce = Array.from({ length: 1_000 }, () => 6)
    await expect(producer.send(batches(['a', 0]))).rejects.toMatchObject({ code: 6 })
    expect(kafka.requests).toHaveLength(100)
  })

  it('reports a topic that stays unknown, but waits for one that is new', async () => {
    const { kafka, producer } = producing()
    kafka.faults.Produce = Array.from({ length: 10 }, () => 3)
    await producer.send(batches(['a', 0]))
    kafka.faults.Produce = Array.from({ length: 1_000 }, () => 3)
    await expect(producer.send(batches(['a', 0]))).rejects.toMatchObject({ code: 'TOPIC_MISSING', topic: 'a' })
  })

  it('names the topic that is unknown, not another one that is missing, too', async () => {
    const { kafka, producer } = producing()
    kafka.leaderOf = (topic) => Promise.reject(new ProtocolError(topic === 'b' ? 3 : 5, `Metadata of ${topic}`, topic))
    await expect(producer.send(batches(['a', 0], ['b', 0]))).rejects.toMatchObject({
      code: 'TOPIC_MISSING',
      topic: 'b',
    })
  })

  it('is an error in the end if a response does not mention a partition', async () => {
    const { kafka, producer } = producing()
    kafka.faults.Produce = Array.from({ length: 1_000 }, () => 'partition missing' as const)
    await expect(producer.send(batches(['a', 0]))).rejects.toMatchObject({
      code: 'LOG_FAILED',
      retriable: true,
      message: expect.stringContaining('a Produce response does not mention a[0]'),
    })
  })

  it('continues the sequence with 0 after 2^31 - 1, as the Java client does', async () => {
    const kafka = new ScriptedKafka(TOPICS)
    const producer = new Producer(kafka.cluster, {
      transactionalId: null,
      channel: 'main',
      codec: 'none',
    })
    const huge = (batch: OutgoingBatch, count: number): OutgoingBatch => {
      Object.defineProperty(batch.builder, 'count', { value: count })
      return batch
    }
    const [first, second] = [...batches(['a', 0]), ...batches(['a', 0])] as [OutgoingBatch, OutgoingBatch]
    await producer.send([huge(first, 2 ** 31 - 3)]).catch(() => {})
    await producer.send([huge(second, 5)]).catch(() => {})
    await producer.send(batches(['a', 0])).catch(() => {})
    expect(kafka.sent.map(({ sequence }) => sequence)).toEqual([0, 2 ** 31 - 3, 2])
  })
})
