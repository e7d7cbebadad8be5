import type { LogRecord } from '@joinery/core'
import { CODE } from '../../../../kafkajs/src/protocol/error-codes.js'
import { AT } from '../../../../kafkajs/src/protocol/record-batch/record-batch.js'
import { batchHeaders, decodeBatch } from '../../../../kafkajs/src/protocol/record-batch/record-batch-decoder.js'
import { RequestWriter } from '../../../../kafkajs/src/protocol/request-writer.js'
import { ResponseReader } from '../../../../kafkajs/src/protocol/response-reader.js'
import { brokerTime } from './broker-time.js'
import { handleFetch } from './handle-fetch.js'
import type { AppendResult, ProducedBatch } from './producer-states.js'
import type { SimCluster } from './sim-cluster.js'
import type { ProducerIdAndEpoch } from './transactions.js'

/** A request of the Kafka protocol, encoded. */
export interface WireRequest {
  readonly api: number
  readonly isFlexible: boolean
  readonly body: Buffer
}

/** The names of requests by API key. */
const API_NAMES: Readonly<Record<number, string>> = {
  0: 'Produce',
  1: 'Fetch',
  2: 'ListOffsets',
  22: 'InitProducerId',
  24: 'AddPartitionsToTxn',
  26: 'EndTxn',
  32: 'DescribeConfigs',
}

const NO_PRODUCER: ProducerIdAndEpoch = { producer: -1, epoch: -1 }

/** @returns the response of a broker to kafkaLog, encoded as a real broker encodes it */
export function handleRequest(
  cluster: SimCluster,
  node: number,
  { api, isFlexible, body }: WireRequest,
): Buffer | Promise<Buffer> {
  const reader = new ResponseReader(body)
  switch (API_NAMES[api]) {
    case 'Fetch':
      return handleFetch(cluster, node, reader)
    case 'ListOffsets':
      return listOffsets(cluster, node, reader)
    case 'DescribeConfigs':
      return describeConfigs(cluster, reader)
    case 'Produce':
      return produce(cluster, node, isFlexible, reader)
    case 'InitProducerId':
      return initProducerId(cluster, node, isFlexible, reader)
    case 'AddPartitionsToTxn':
      return addPartitions(cluster, node, reader)
    case 'EndTxn':
      return endTxn(cluster, node, isFlexible, reader)
    default:
      throw new Error(`the simulated brokers do not support request ${api}`)
  }
}

const text = (reader: ResponseReader, isFlexible: boolean): string =>
  (isFlexible ? reader.compactString() : reader.string()) ?? ''

const readProducer = (reader: ResponseReader): ProducerIdAndEpoch => ({
  producer: reader.int64(),
  epoch: reader.int16(),
})

/** @returns an error code if this broker is not the coordinator of a transactional id, or is still loading */
function coordinatorError(cluster: SimCluster, node: number, id: string): number {
  if (cluster.coordinatorOf(id) !== node) return CODE.NOT_COORDINATOR
  return cluster.eventLoop.now < cluster.loadingUntil ? CODE.COORDINATOR_LOAD_IN_PROGRESS : CODE.NONE
}

function producerResponse(isFlexible: boolean, code: number, { producer, epoch }: ProducerIdAndEpoch): Buffer {
  const response = new RequestWriter().int32(0).int16(code).int64(producer).int16(epoch)
  return (isFlexible ? response.tags() : response).take()
}

function initProducerId(cluster: SimCluster, node: number, isFlexible: boolean, reader: ResponseReader): Buffer {
  const id = text(reader, isFlexible)
  const timeoutMs = reader.int32()
  const error = coordinatorError(cluster, node, id)
  const response = error === CODE.NONE ? cluster.transactions.init(id, timeoutMs) : { code: error }
  return producerResponse(isFlexible, response.code, response.identity ?? NO_PRODUCER)
}

function endTxn(cluster: SimCluster, node: number, isFlexible: boolean, reader: ResponseReader): Buffer {
  const id = text(reader, isFlexible)
  const by = readProducer(reader)
  const isCommit = reader.int8() === 1
  const error = coordinatorError(cluster, node, id)
  const response = error === CODE.NONE ? cluster.transactions.end(id, by, isCommit) : { code: error }
  if (isFlexible) return producerResponse(true, response.code, response.identity ?? NO_PRODUCER)
  return new RequestWriter().int32(0).int16(response.code).take()
}

function addPartitions(cluster: SimCluster, node: number, reader: ResponseReader): Buffer {
  const id = reader.string() ?? ''
  const by = readProducer(reader)
  const topics = reader.array(() => ({ topic: reader.string() ?? '', partitions: reader.array(() => reader.int32()) }))
  const all = topics.flatMap(({ topic, partitions }) => partitions.map((number) => cluster.partition(topic, number)))
  const error = coordinatorError(cluster, node, id)
  const code = error === CODE.NONE ? cluster.transactions.add(id, by, all) : error
  const response = new RequestWriter().int32(0)
  response.array(topics, ({ topic, partitions }) => {
    response.string(topic).array(partitions, (partition) => response.int32(partition).int16(code))
  })
  return response.take()
}

function produce(cluster: SimCluster, node: number, isFlexible: boolean, reader: ResponseReader): Buffer {
  const id = text(reader, isFlexible)
  reader.skip(6) // acks, timeout
  const arrayOf = <T>(read: () => T) => (isFlexible ? reader.compactArray(read) : reader.array(read))
  const topics = arrayOf(() => {
    const topic = text(reader, isFlexible)
    const partitions = arrayOf(() => {
      const partition = reader.int32()
      const length = isFlexible ? reader.uvarint() - 1 : reader.int32()
      const from = reader.at
      reader.skip(length)
      if (isFlexible) reader.tags()
      return { partition, bytes: reader.bytes.subarray(from, from + length) }
    })
    if (isFlexible) reader.tags()
    return { topic, partitions }
  })
  const response = new RequestWriter()
  const write = <T>(items: readonly T[], each: (item: T) => void) =>
    isFlexible ? response.compactArray(items, each) : response.array(items, each)
  write(topics, ({ topic, partitions }) => {
    if (isFlexible) response.compactString(topic)
    else response.string(topic)
    write(partitions, ({ partition, bytes }) => {
      const to = cluster.partition(topic, partition)
      const { code, base }: AppendResult =
        cluster.leaderOf(topic, partition) === node
          ? cluster.transactions.produce(id, to, decoded(topic, partition, bytes))
          : { code: CODE.NOT_LEADER_OR_FOLLOWER, base: -1 }
      const appendedAt = to.isAppendTime ? brokerTime(cluster.eventLoop) : -1
      response.int32(partition).int16(code).int64(base).int64(appendedAt).int64(0)
      if (isFlexible) response.uvarint(1).compactString(null).tags()
    })
    if (isFlexible) response.tags()
  })
  response.int32(0)
  return (isFlexible ? response.tags() : response).take()
}

const READ_COMMITTED = 1
const EARLIEST = -2

function listOffsets(cluster: SimCluster, node: number, reader: ResponseReader): Buffer {
  reader.skip(4)
  const isolation = reader.int8()
  const topics = reader.array(() => ({
    topic: reader.string() ?? '',
    partitions: reader.array(() => ({ partition: reader.int32(), time: reader.int64() })),
  }))
  const response = new RequestWriter().int32(0)
  response.array(topics, ({ topic, partitions }) => {
    response.string(topic).array(partitions, ({ partition, time }) => {
      const { highWatermark: end, lastStableOffset: stableEnd } = cluster.partition(topic, partition)
      const isLeader = cluster.leaderOf(topic, partition) === node
      const offset = time === EARLIEST ? 0 : isolation === READ_COMMITTED ? stableEnd : end
      response
        .int32(partition)
        .int16(isLeader ? CODE.NONE : CODE.NOT_LEADER_OR_FOLLOWER)
        .int64(-1)
        .int64(isLeader ? offset : -1)
    })
  })
  return response.take()
}

function describeConfigs(cluster: SimCluster, reader: ResponseReader): Buffer {
  const topics = reader.array(() => {
    reader.int8()
    const topic = reader.string() ?? ''
    reader.array(() => reader.string())
    return topic
  })
  const response = new RequestWriter().int32(0)
  response.array(topics, (topic) => {
    const info = cluster.info(topic)
    const isAppendTime = cluster.partition(topic, 0).isAppendTime
    const configs = {
      'cleanup.policy': info?.cleanup,
      'delete.retention.ms': info?.deleteRetentionMs,
      'max.message.bytes': info?.maxMessageBytes,
      'message.timestamp.type': isAppendTime ? 'LogAppendTime' : 'CreateTime',
    }
    response.int16(CODE.NONE).string(null).int8(2).string(topic)
    response.array(Object.entries(configs), ([name, value]) =>
      response.string(name).string(String(value)).int8(0).int8(0).int8(0).int32(0),
    )
  })
  return response.take()
}

const MAX_BYTES = 2 ** 26

function decoded(topic: string, partition: number, bytes: Buffer): ProducedBatch {
  const place = { topic, partition }
  const [header, ...others] = batchHeaders(bytes, 0, bytes.length, place)
  if (header === undefined || others.length > 0) throw new Error('expected exactly one record batch')
  const records: LogRecord[] = []
  decodeBatch(bytes, header, 0, records, { ...place, maxDecompressedBytes: MAX_BYTES })
  const epoch = bytes.readInt16BE(AT.producerEpoch)
  return { producer: header.producerId, epoch, sequence: bytes.readInt32BE(AT.baseSequence), records }
}
