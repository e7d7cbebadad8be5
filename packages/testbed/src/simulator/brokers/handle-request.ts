import type { LogRecord } from '@joinery/core'
import { ADD_PARTITIONS_TO_TXN } from '../../../../kafkajs/src/protocol/add-partitions-to-txn.js'
import {
  type Api,
  type ApiCodec,
  encode,
  type ReceivedRequestOf,
  type SentResponseOf,
} from '../../../../kafkajs/src/protocol/api.js'
import { ResponseReader } from '../../../../kafkajs/src/protocol/codec/response-reader.js'
import { DESCRIBE_CONFIGS } from '../../../../kafkajs/src/protocol/describe-configs.js'
import { END_TXN } from '../../../../kafkajs/src/protocol/end-txn.js'
import { CODE } from '../../../../kafkajs/src/protocol/error-codes.js'
import { FETCH, ISOLATION_LEVEL } from '../../../../kafkajs/src/protocol/fetch.js'
import { INIT_PRODUCER_ID } from '../../../../kafkajs/src/protocol/init-producer-id.js'
import { LIST_OFFSETS, OFFSET_SPEC } from '../../../../kafkajs/src/protocol/list-offsets.js'
import { PRODUCE } from '../../../../kafkajs/src/protocol/produce.js'
import { AT } from '../../../../kafkajs/src/protocol/record-batch/record-batch.js'
import {
  batchHeaders,
  decodeBatch,
  producerIdOf,
} from '../../../../kafkajs/src/protocol/record-batch/record-batch-decoder.js'
import { brokerTime } from './broker-time.js'
import { handleFetch } from './handle-fetch.js'
import type { AppendResult, ProducedBatch } from './producer-states.js'
import type { SimCluster } from './sim-cluster.js'
import type { ProducerIdAndEpoch } from './transactions.js'

type Handler<A extends Api> = (
  cluster: SimCluster,
  node: number,
  request: ReceivedRequestOf<A>,
) => SentResponseOf<A> | Promise<SentResponseOf<A>>

const on = <A extends Api>({ key }: A, handler: Handler<A>): [key: number, handler: Handler<Api>] => [
  key,
  handler as unknown as Handler<Api>,
]

/**
 * @param codec the version in which the request was sent
 * @returns the response of a broker to kafkaLog, encoded as a real broker encodes it
 */
export function handleRequest(
  cluster: SimCluster,
  node: number,
  { key, name }: Api,
  { request, response }: ApiCodec<Api>,
  body: Buffer,
): Buffer | Promise<Buffer> {
  const handler = HANDLERS.get(key)
  if (handler === undefined) throw new Error(`the simulated brokers do not support ${name}`)
  const encoded = (value: SentResponseOf<Api>) => Buffer.concat(encode(response, value))
  const handled = handler(cluster, node, request.read(new ResponseReader(body)))
  return handled instanceof Promise ? handled.then(encoded) : encoded(handled)
}

const NO_PRODUCER: ProducerIdAndEpoch = { producer: -1n, epoch: -1 }

/** @returns an error code if this broker is not the coordinator of a transactional id, or is still loading */
function coordinatorError(cluster: SimCluster, node: number, id: string): number {
  if (cluster.coordinatorOf(id) !== node) return CODE.NOT_COORDINATOR
  return cluster.eventLoop.now < cluster.loadingUntil ? CODE.COORDINATOR_LOAD_IN_PROGRESS : CODE.NONE
}

const producerResponse = (errorCode: number, { producer, epoch }: ProducerIdAndEpoch = NO_PRODUCER) => ({
  errorCode,
  producerId: producer,
  producerEpoch: epoch,
})

const initProducerId: Handler<typeof INIT_PRODUCER_ID> = (
  cluster,
  node,
  { transactionalId, transactionTimeoutMs: timeoutMs },
) => {
  const id = transactionalId ?? ''
  const error = coordinatorError(cluster, node, id)
  if (error !== CODE.NONE) return producerResponse(error)
  const { code, identity } = cluster.transactions.init(id, timeoutMs)
  return producerResponse(code, identity)
}

const endTxn: Handler<typeof END_TXN> = (
  cluster,
  node,
  { transactionalId: id, producerId: producer, producerEpoch: epoch, committed },
) => {
  const error = coordinatorError(cluster, node, id)
  if (error !== CODE.NONE) return producerResponse(error)
  const { code, identity } = cluster.transactions.end(id, { producer, epoch }, committed)
  return producerResponse(code, identity)
}

const addPartitions: Handler<typeof ADD_PARTITIONS_TO_TXN> = (cluster, node, request) => {
  const { v3AndBelowTransactionalId: id, v3AndBelowTopics: topics } = request
  const by = { producer: request.v3AndBelowProducerId, epoch: request.v3AndBelowProducerEpoch }
  const all = topics.flatMap(({ name, partitions }) => partitions.map((number) => cluster.partition(name, number)))
  const error = coordinatorError(cluster, node, id)
  const partitionErrorCode = error === CODE.NONE ? cluster.transactions.add(id, by, all) : error
  return {
    resultsByTopicV3AndBelow: topics.map(({ name, partitions }) => ({
      name,
      resultsByPartition: partitions.map((partitionIndex) => ({ partitionIndex, partitionErrorCode })),
    })),
  }
}

const produce: Handler<typeof PRODUCE> = (cluster, node, { transactionalId, topicData }) => ({
  responses: topicData.map(({ name, partitionData }) => ({
    name,
    partitionResponses: partitionData.map(({ index, records }) => {
      const to = cluster.partition(name, index)
      const { code, base }: AppendResult =
        cluster.leaderOf(name, index) === node
          ? cluster.transactions.produce(transactionalId ?? '', to, decoded(name, index, records as Buffer))
          : { code: CODE.NOT_LEADER_OR_FOLLOWER, base: -1 }
      const logAppendTimeMs = to.isAppendTime ? brokerTime(cluster.eventLoop) : -1
      return { index, errorCode: code, baseOffset: base, logAppendTimeMs, logStartOffset: 0 }
    }),
  })),
})

const listOffsets: Handler<typeof LIST_OFFSETS> = (cluster, node, { isolationLevel, topics }) => ({
  topics: topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, timestamp }) => {
      if (cluster.leaderOf(name, partitionIndex) !== node)
        return { partitionIndex, errorCode: CODE.NOT_LEADER_OR_FOLLOWER }
      const { highWatermark, lastStableOffset } = cluster.partition(name, partitionIndex)
      const end = isolationLevel === ISOLATION_LEVEL.readCommitted ? lastStableOffset : highWatermark
      return { partitionIndex, errorCode: CODE.NONE, offset: timestamp === OFFSET_SPEC.earliest ? 0 : end }
    }),
  })),
})

const describeConfigs: Handler<typeof DESCRIBE_CONFIGS> = (cluster, _node, { resources }) => ({
  results: resources.map(({ resourceType, resourceName }) => {
    const info = cluster.info(resourceName)
    const isAppendTime = cluster.partition(resourceName, 0).isAppendTime
    const configs = {
      'cleanup.policy': info?.cleanup,
      'delete.retention.ms': info?.deleteRetentionMs,
      'max.message.bytes': info?.maxMessageBytes,
      'message.timestamp.type': isAppendTime ? 'LogAppendTime' : 'CreateTime',
    }
    return {
      errorCode: CODE.NONE,
      errorMessage: null,
      resourceType,
      resourceName,
      configs: Object.entries(configs).map(([name, value]) => ({
        name,
        value: String(value),
        readOnly: false,
        isSensitive: false,
        synonyms: [],
      })),
    }
  }),
})

const HANDLERS: ReadonlyMap<number, Handler<Api>> = new Map([
  on(FETCH, handleFetch),
  on(LIST_OFFSETS, listOffsets),
  on(DESCRIBE_CONFIGS, describeConfigs),
  on(PRODUCE, produce),
  on(INIT_PRODUCER_ID, initProducerId),
  on(ADD_PARTITIONS_TO_TXN, addPartitions),
  on(END_TXN, endTxn),
])

const MAX_BYTES = 2 ** 26

function decoded(topic: string, partition: number, bytes: Buffer): ProducedBatch {
  const place = { topic, partition }
  const [header, ...others] = batchHeaders(bytes, 0, bytes.length, place)
  if (header === undefined || others.length > 0) throw new Error('expected exactly one record batch')
  const records: LogRecord[] = []
  decodeBatch(bytes, header, 0, records, { ...place, maxDecompressedBytes: MAX_BYTES })
  const epoch = bytes.readInt16BE(AT.producerEpoch)
  return { producer: producerIdOf(bytes, header), epoch, sequence: bytes.readInt32BE(AT.baseSequence), records }
}
