import type { LogRecord } from '@joinery/core'
import { AT } from '../../../../kafkajs/src/batch/record-batch.js'
import { batchHeaders, decodeBatch } from '../../../../kafkajs/src/batch/record-batch-decoder.js'
import { CODE } from '../../../../kafkajs/src/wire/error-codes.js'
import { RequestWriter } from '../../../../kafkajs/src/wire/request-writer.js'
import { ResponseReader } from '../../../../kafkajs/src/wire/response-reader.js'
import { answerFetch } from './answer-fetch.js'
import { brokerTime } from './broker-time.js'
import type { Appended, ProducedBatch } from './producer-states.js'
import type { SimCluster } from './sim-cluster.js'
import type { Identity } from './transactions.js'

/** A request of Kafka's protocol, as its bytes. */
export interface WireRequest {
  readonly api: number
  readonly isFlexible: boolean
  readonly body: Buffer
}

/** What requests are called. */
export const API_NAMES: Readonly<Record<number, string>> = {
  0: 'Produce',
  1: 'Fetch',
  2: 'ListOffsets',
  22: 'InitProducerId',
  24: 'AddPartitionsToTxn',
  26: 'EndTxn',
  32: 'DescribeConfigs',
}

const NO_IDENTITY: Identity = { producer: -1, epoch: -1 }

/** What a broker answers to kafkaLog: the bytes that a real one would send. */
export function answerRequest(
  cluster: SimCluster,
  node: number,
  { api, isFlexible, body }: WireRequest,
): Buffer | Promise<Buffer> {
  const ask = new ResponseReader(body)
  switch (API_NAMES[api]) {
    case 'Fetch':
      return answerFetch(cluster, node, ask)
    case 'ListOffsets':
      return listOffsets(cluster, node, ask)
    case 'DescribeConfigs':
      return describeConfigs(cluster, ask)
    case 'Produce':
      return produce(cluster, node, isFlexible, ask)
    case 'InitProducerId':
      return initProducerId(cluster, node, isFlexible, ask)
    case 'AddPartitionsToTxn':
      return addPartitions(cluster, node, ask)
    case 'EndTxn':
      return endTxn(cluster, node, isFlexible, ask)
    default:
      throw new Error(`the simulated brokers do not know request ${api}`)
  }
}

const text = (ask: ResponseReader, isFlexible: boolean): string =>
  (isFlexible ? ask.compactString() : ask.string()) ?? ''

const identity = (ask: ResponseReader): Identity => ({ producer: ask.int64(), epoch: ask.int16() })

/** What stands against asking this broker about a transactional id. */
function coordinatorProblem(cluster: SimCluster, node: number, id: string): number {
  if (cluster.coordinatorOf(id) !== node) return CODE.NOT_COORDINATOR
  return cluster.world.now < cluster.loadingUntil ? CODE.COORDINATOR_LOAD_IN_PROGRESS : CODE.NONE
}

function withIdentity(isFlexible: boolean, code: number, { producer, epoch }: Identity): Buffer {
  const answer = new RequestWriter().int32(0).int16(code).int64(producer).int16(epoch)
  return (isFlexible ? answer.tags() : answer).take()
}

function initProducerId(cluster: SimCluster, node: number, isFlexible: boolean, ask: ResponseReader): Buffer {
  const id = text(ask, isFlexible)
  const timeoutMs = ask.int32()
  const problem = coordinatorProblem(cluster, node, id)
  const answer = problem === CODE.NONE ? cluster.transactions.init(id, timeoutMs) : { code: problem }
  return withIdentity(isFlexible, answer.code, answer.identity ?? NO_IDENTITY)
}

function endTxn(cluster: SimCluster, node: number, isFlexible: boolean, ask: ResponseReader): Buffer {
  const id = text(ask, isFlexible)
  const by = identity(ask)
  const isCommit = ask.int8() === 1
  const problem = coordinatorProblem(cluster, node, id)
  const answer = problem === CODE.NONE ? cluster.transactions.end(id, by, isCommit) : { code: problem }
  if (isFlexible) return withIdentity(true, answer.code, answer.identity ?? NO_IDENTITY)
  return new RequestWriter().int32(0).int16(answer.code).take()
}

function addPartitions(cluster: SimCluster, node: number, ask: ResponseReader): Buffer {
  const id = ask.string() ?? ''
  const by = identity(ask)
  const topics = ask.array(() => ({ topic: ask.string() ?? '', partitions: ask.array(() => ask.int32()) }))
  const all = topics.flatMap(({ topic, partitions }) => partitions.map((number) => cluster.partition(topic, number)))
  const problem = coordinatorProblem(cluster, node, id)
  const code = problem === CODE.NONE ? cluster.transactions.add(id, by, all) : problem
  const answer = new RequestWriter().int32(0)
  answer.array(topics, ({ topic, partitions }) => {
    answer.string(topic).array(partitions, (partition) => answer.int32(partition).int16(code))
  })
  return answer.take()
}

function produce(cluster: SimCluster, node: number, isFlexible: boolean, ask: ResponseReader): Buffer {
  const id = text(ask, isFlexible)
  ask.skip(6) // acks, time-out
  const arrayOf = <T>(read: () => T) => (isFlexible ? ask.compactArray(read) : ask.array(read))
  const topics = arrayOf(() => {
    const topic = text(ask, isFlexible)
    const partitions = arrayOf(() => {
      const partition = ask.int32()
      const length = isFlexible ? ask.uvarint() - 1 : ask.int32()
      const from = ask.at
      ask.skip(length)
      if (isFlexible) ask.tags()
      return { partition, bytes: ask.bytes.subarray(from, from + length) }
    })
    if (isFlexible) ask.tags()
    return { topic, partitions }
  })
  const answer = new RequestWriter()
  const write = <T>(items: readonly T[], each: (item: T) => void) =>
    isFlexible ? answer.compactArray(items, each) : answer.array(items, each)
  write(topics, ({ topic, partitions }) => {
    if (isFlexible) answer.compactString(topic)
    else answer.string(topic)
    write(partitions, ({ partition, bytes }) => {
      const to = cluster.partition(topic, partition)
      const { code, base }: Appended =
        cluster.leaderOf(topic, partition) === node
          ? cluster.transactions.produce(id, to, decoded(topic, partition, bytes))
          : { code: CODE.NOT_LEADER_OR_FOLLOWER, base: -1 }
      const appendedAt = to.isAppendTime ? brokerTime(cluster.world) : -1
      answer.int32(partition).int16(code).int64(base).int64(appendedAt).int64(0)
      if (isFlexible) answer.uvarint(1).compactString(null).tags()
    })
    if (isFlexible) answer.tags()
  })
  answer.int32(0)
  return (isFlexible ? answer.tags() : answer).take()
}

const READ_COMMITTED = 1
const EARLIEST = -2

function listOffsets(cluster: SimCluster, node: number, ask: ResponseReader): Buffer {
  ask.skip(4)
  const isolation = ask.int8()
  const topics = ask.array(() => ({
    topic: ask.string() ?? '',
    partitions: ask.array(() => ({ partition: ask.int32(), time: ask.int64() })),
  }))
  const answer = new RequestWriter().int32(0)
  answer.array(topics, ({ topic, partitions }) => {
    answer.string(topic).array(partitions, ({ partition, time }) => {
      const { end, stableEnd } = cluster.partition(topic, partition)
      const isLeader = cluster.leaderOf(topic, partition) === node
      const offset = time === EARLIEST ? 0 : isolation === READ_COMMITTED ? stableEnd : end
      answer
        .int32(partition)
        .int16(isLeader ? CODE.NONE : CODE.NOT_LEADER_OR_FOLLOWER)
        .int64(-1)
        .int64(isLeader ? offset : -1)
    })
  })
  return answer.take()
}

function describeConfigs(cluster: SimCluster, ask: ResponseReader): Buffer {
  const topics = ask.array(() => {
    ask.int8()
    const topic = ask.string() ?? ''
    ask.array(() => ask.string())
    return topic
  })
  const answer = new RequestWriter().int32(0)
  answer.array(topics, (topic) => {
    const info = cluster.info(topic)
    const isAppendTime = cluster.partition(topic, 0).isAppendTime
    const configs = {
      'cleanup.policy': info?.cleanup,
      'delete.retention.ms': info?.deleteRetentionMs,
      'max.message.bytes': info?.maxMessageBytes,
      'message.timestamp.type': isAppendTime ? 'LogAppendTime' : 'CreateTime',
    }
    answer.int16(CODE.NONE).string(null).int8(2).string(topic)
    answer.array(Object.entries(configs), ([name, value]) =>
      answer.string(name).string(String(value)).int8(0).int8(0).int8(0).int32(0),
    )
  })
  return answer.take()
}

const MOST_BYTES = 2 ** 26

function decoded(topic: string, partition: number, bytes: Buffer): ProducedBatch {
  const place = { topic, partition }
  const [header, ...others] = batchHeaders(bytes, 0, bytes.length, place)
  if (header === undefined || others.length > 0) throw new Error('not one record batch')
  const records: LogRecord[] = []
  decodeBatch(bytes, header, 0, records, place, MOST_BYTES)
  const epoch = bytes.readInt16BE(AT.producerEpoch)
  return { producer: header.producerId, epoch, sequence: bytes.readInt32BE(AT.baseSequence), records }
}
