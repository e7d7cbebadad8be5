import { describe, expect, it } from 'vitest'
import { FETCH } from '../../src/protocol/fetch.js'
import { LIST_OFFSETS } from '../../src/protocol/list-offsets.js'
import { KafkaSource } from '../../src/reader/kafka-source.js'
import { FakeBrokers, outcomeOf } from '../support/fake-brokers.js'

const AT = { topic: 'orders', partition: 0 }
const LIMITS = { maxBytes: 1, maxPartitionBytes: 1, prefetchBytes: 1, maxDecompressedBytes: 1, rack: '' }

/** Brokers, of which 1 leads the partition, and other ones may return its offsets. */
async function led() {
  const kafka = new FakeBrokers()
  kafka.topics.orders = [1]
  kafka.on(LIST_OFFSETS, () => ({
    topics: [{ name: AT.topic, partitions: [{ partitionIndex: AT.partition, errorCode: 0, offset: 7 }] }],
  }))
  const cluster = kafka.cluster()
  await cluster.refresh(['orders'])
  return { kafka, cluster, source: new KafkaSource(cluster, LIMITS, { onRetry() {} }) }
}
const fetched = ({ preferredReadReplica = -1, end = 7 } = {}) => ({
  errorCode: 0,
  responses: [
    {
      topic: AT.topic,
      partitions: [
        {
          ...{ partitionIndex: AT.partition, errorCode: 0, highWatermark: end, lastStableOffset: end },
          ...{ abortedTransactions: [], preferredReadReplica, records: null },
        },
      ],
    },
  ],
})
const read = (source: KafkaSource) => outcomeOf(source.read({ ...AT, offset: 7 }, new AbortController().signal).next())

describe('a leader that is replaced while a connection to it is opened', () => {
  async function replaced(ask: (source: KafkaSource) => void) {
    const { kafka, cluster, source } = await led()
    let connect = () => {}
    kafka.broker(1).connecting = new Promise((resolve) => {
      connect = resolve
    })
    ask(source)
    kafka.topics.orders = [2]
    await cluster.refresh(['orders'])
    connect()
    await kafka.settled()
    await kafka.advance(200)
    return kafka
  }

  it('gets no request for offsets: the new one does', async () => {
    const kafka = await replaced((source) => outcomeOf(source.endOffset(AT, 'high-watermark')))
    expect(kafka.arrivals(LIST_OFFSETS).map(([node]) => node)).toEqual([2])
  })

  it('gets no Fetch: the new one does', async () => {
    const kafka = await replaced((source) => read(source))
    expect(kafka.arrivals(FETCH).map(([node]) => node)).toEqual([2])
  })
})

describe('a leader that is cut off from its cluster, and continues to respond', () => {
  it('is read from for a minute at most: then the new one is', async () => {
    const { kafka, cluster, source } = await led()
    kafka.epochs.orders = [3]
    await cluster.refresh(['orders'])
    kafka.cutOff(1)
    kafka.topics.orders = [2]
    kafka.epochs.orders = [4]
    kafka.delaysMs.set(FETCH, 100)
    kafka.on(FETCH, (_, node) => fetched({ end: node === 1 ? 7 : 8 }))
    const reading = source.read({ ...AT, offset: 7 }, new AbortController().signal)
    const began = kafka.clock.monotonic()
    const first = outcomeOf(reading.next())
    await kafka.advance(1_000)
    expect(first.result).toMatchObject({ value: { end: 7 } })
    const moved = outcomeOf(reading.next())
    while (!moved.isSettled && kafka.clock.monotonic() - began < 120_000) await kafka.advance(1_000)
    expect(moved.result).toMatchObject({ value: { end: 8 } })
    expect(kafka.clock.monotonic() - began).toBeLessThanOrEqual(62_000)
    source.close()
  })
})

describe('a read replica', () => {
  it('gets a Fetch although it does not lead the partition', async () => {
    const { kafka, source } = await led()
    kafka.on(FETCH, (_, node) => (node === 1 ? fetched({ preferredReadReplica: 3 }) : undefined))
    read(source)
    await kafka.settled()
    expect(kafka.arrivals(FETCH).map(([node]) => node)).toEqual([1, 3])
  })
})
