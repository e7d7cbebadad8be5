import type { LogRecord } from '@joinery/core'
import { ADD_PARTITIONS_TO_TXN } from '../../../../kafkajs/src/protocol/add-partitions-to-txn.js'
import { type Api, encode, type SentResponseOf } from '../../../../kafkajs/src/protocol/api.js'
import { ResponseReader } from '../../../../kafkajs/src/protocol/codec/response-reader.js'
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
import type { VersionedApi } from './api-codecs.js'
import { brokerTime } from './broker-time.js'
import { CLUSTER_HANDLERS } from './describe-cluster.js'
import { handleFetch } from './handle-fetch.js'
import { type Handler, on, type Receiver } from './handler.js'
import type { AppendResult, ProducedBatch } from './producer-states.js'
import type { SimCluster } from './sim-cluster.js'
import type { SimPartition } from './sim-partition.js'
import type { ProducerIdAndEpoch } from './transaction-state.js'

/** The first versions of requests of the transaction protocol 2 (KIP-890). */
const FIRST_PRODUCE_V2 = 12
const FIRST_END_TXN_V2 = 5

/** @returns the response of a broker to a request, encoded as a real broker encodes it */
export function handleRequest(
  { cluster, broker, client }: Pick<Receiver, 'cluster' | 'broker' | 'client'>,
  { api, codec: { version, request, response } }: VersionedApi,
  body: Buffer,
  throttleTimeMs: number,
): readonly Uint8Array[] | Promise<readonly Uint8Array[]> {
  const handler = HANDLERS.get(api.key)
  if (handler === undefined) throw new Error(`the simulated brokers do not support ${api.name}`)
  const encoded = (value: SentResponseOf<Api>) => encode(response, { ...value, throttleTimeMs })
  const receiver = { cluster, broker, client, version: version.number }
  const handled = handler(receiver, request.read(new ResponseReader(body)))
  return handled instanceof Promise ? handled.then(encoded) : encoded(handled)
}

const NO_PRODUCER: ProducerIdAndEpoch = { producer: -1n, epoch: -1 }

/** @returns an error code if this broker is not the coordinator of a transactional id, or is still loading */
function coordinatorError({ cluster, broker: { node } }: Receiver, id: string): number {
  if (cluster.view.coordinatorOf(id) !== node) return CODE.NOT_COORDINATOR
  return cluster.eventLoop.now < cluster.loadingUntil ? CODE.COORDINATOR_LOAD_IN_PROGRESS : CODE.NONE
}

const producerResponse = (errorCode: number, { producer, epoch }: ProducerIdAndEpoch = NO_PRODUCER) => ({
  errorCode,
  producerId: producer,
  producerEpoch: epoch,
})

const initProducerId: Handler<typeof INIT_PRODUCER_ID> = (receiver, request) => {
  const { transactionalId, transactionTimeoutMs: timeoutMs } = request
  const id = transactionalId ?? ''
  const error = coordinatorError(receiver, id)
  if (error !== CODE.NONE) return producerResponse(error)
  receiver.cluster.staleFencing.fences(receiver.client, id)
  const { code, identity } = receiver.cluster.transactions.init(id, timeoutMs)
  return producerResponse(code, identity)
}

const endTxn: Handler<typeof END_TXN> = (receiver, request) => {
  const { transactionalId: id, producerId: producer, producerEpoch: epoch, committed } = request
  const error = coordinatorError(receiver, id)
  if (error !== CODE.NONE) return producerResponse(error)
  const isVersion2 = receiver.version >= FIRST_END_TXN_V2
  const { code, identity } = receiver.cluster.transactions.end(id, { producer, epoch }, committed, isVersion2)
  return producerResponse(code, identity)
}

const addPartitions: Handler<typeof ADD_PARTITIONS_TO_TXN> = (receiver, request) => {
  const { cluster } = receiver
  const { v3AndBelowTransactionalId: id, v3AndBelowTopics: topics } = request
  const by = { producer: request.v3AndBelowProducerId, epoch: request.v3AndBelowProducerEpoch }
  const all = topics.flatMap(({ name, partitions }) => partitions.map((number) => cluster.partition(name, number)))
  const error = coordinatorError(receiver, id)
  const partitionErrorCode = error === CODE.NONE ? cluster.transactions.add(id, by, all) : error
  return {
    resultsByTopicV3AndBelow: topics.map(({ name, partitions }) => ({
      name,
      resultsByPartition: partitions.map((partitionIndex) => ({ partitionIndex, partitionErrorCode })),
    })),
  }
}

const produce: Handler<typeof PRODUCE> = (receiver, request) => {
  const { cluster, client } = receiver
  const { transactionalId } = request
  if (transactionalId !== null && !cluster.transactions.isUsedBy(transactionalId, client))
    cluster.violates('a transactional id belongs to one start of an instance', `${client} uses ${transactionalId}`)
  return append(receiver, request)
}

const append: Handler<typeof PRODUCE> = ({ cluster, broker, version }, { transactionalId, topicData }) => ({
  responses: topicData.map(({ name, partitionData }) => ({
    name,
    partitionResponses: partitionData.map(({ index, records }) => {
      const to = cluster.partition(name, index)
      const batch = received(cluster, name, index, records as Buffer)
      const isLeader = cluster.leaderOf(name, index) === broker.node
      const {
        code,
        base,
        refused = [],
      }: AppendResult = batch === undefined
        ? { code: CODE.CORRUPT_MESSAGE, base: -1 }
        : isLeader
          ? acknowledged(
              cluster,
              to,
              cluster.transactions.produce(transactionalId ?? '', to, batch, version >= FIRST_PRODUCE_V2),
            )
          : NOT_LEADER
      const logAppendTimeMs = to.isAppendTime ? brokerTime(cluster.eventLoop) : -1
      const recordErrors = refused.map((batchIndex) => ({ batchIndex, batchIndexErrorMessage: 'refused' }))
      return {
        ...{ index, errorCode: code, baseOffset: base, logAppendTimeMs, logStartOffset: 0 },
        recordErrors: cluster.namesRefused ? recordErrors : [],
      }
    }),
  })),
})

const NOT_LEADER: AppendResult = { code: CODE.NOT_LEADER_OR_FOLLOWER, base: -1 }

/** @returns the result of an append, unless the partition loses its leader before that is known */
function acknowledged(cluster: SimCluster, partition: SimPartition, result: AppendResult): AppendResult {
  const lose = cluster.lostWithAppend.get(partition)
  if (lose === undefined || result.code !== CODE.NONE) return result
  cluster.lostWithAppend.delete(partition)
  lose()
  return NOT_LEADER
}

const listOffsets: Handler<typeof LIST_OFFSETS> = ({ cluster, broker }, { isolationLevel, topics }) => ({
  topics: topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, timestamp }) => {
      if (cluster.leaderOf(name, partitionIndex) !== broker.node)
        return { partitionIndex, errorCode: CODE.NOT_LEADER_OR_FOLLOWER }
      const { highWatermark, lastStableOffset } = cluster.partition(name, partitionIndex)
      const end = isolationLevel === ISOLATION_LEVEL.readCommitted ? lastStableOffset : highWatermark
      return { partitionIndex, errorCode: CODE.NONE, offset: timestamp === OFFSET_SPEC.earliest ? 0 : end }
    }),
  })),
})

const HANDLERS: ReadonlyMap<number, Handler<Api>> = new Map([
  ...CLUSTER_HANDLERS,
  on(FETCH, handleFetch),
  on(LIST_OFFSETS, listOffsets),
  on(PRODUCE, produce),
  on(INIT_PRODUCER_ID, initProducerId),
  on(ADD_PARTITIONS_TO_TXN, addPartitions),
  on(END_TXN, endTxn),
])

const MAX_BYTES = 2 ** 26

/** @returns a batch; `undefined` if it is corrupt */
function received(cluster: SimCluster, topic: string, partition: number, bytes: Buffer): ProducedBatch | undefined {
  try {
    return decoded(topic, partition, bytes)
  } catch (error) {
    cluster.violates('batches arrive intact', String(error))
    return undefined
  }
}

function decoded(topic: string, partition: number, bytes: Buffer): ProducedBatch {
  const place = { topic, partition }
  const [header, ...others] = batchHeaders(bytes, 0, bytes.length, place)
  if (header === undefined || others.length > 0) throw new Error('expected exactly one record batch')
  const records: LogRecord[] = []
  decodeBatch(bytes, header, 0, records, { ...place, maxDecompressedBytes: MAX_BYTES })
  const epoch = bytes.readInt16BE(AT.producerEpoch)
  return { producer: producerIdOf(bytes, header), epoch, sequence: bytes.readInt32BE(AT.baseSequence), records }
}
