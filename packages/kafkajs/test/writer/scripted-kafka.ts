import { JoineryError } from '@joinery/core'
import type { BrokerVersions, VersionLimits } from '../../src/connection/broker-versions.js'
import type { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import { ADD_PARTITIONS_TO_TXN } from '../../src/protocol/add-partitions-to-txn.js'
import type { Api, RequestOf, ResponseOf } from '../../src/protocol/api.js'
import { DESCRIBE_CONFIGS } from '../../src/protocol/describe-configs.js'
import { END_TXN } from '../../src/protocol/end-txn.js'
import { INIT_PRODUCER_ID } from '../../src/protocol/init-producer-id.js'
import { ACKS_ALL, PRODUCE } from '../../src/protocol/produce.js'
import { ProtocolError } from '../../src/protocol/protocol-error.js'
import { carry, type Handler, on } from '../support/carry.js'
import { versionsOf } from '../support/releases.js'
import { PassingClock } from './passing-clock.js'

export type ApiName = 'Produce' | 'InitProducerId' | 'AddPartitionsToTxn' | 'EndTxn'

/** The fault of one request: an error code, or a connection that breaks before or after the request arrives. */
export type Fault =
  | number
  | 'request lost'
  | 'response lost'
  | 'response cut'
  | 'partition missing'
  | 'another partition'

/** A batch that was sent, whether it was written or not. */
export interface Sent {
  readonly place: string
  readonly producerId: bigint
  readonly epoch: number
  readonly sequence: number
  readonly count: number
  readonly bytes: string
}

/** The id of every producer: ids have 63 bits. */
export const PRODUCER_ID: bigint = 2n ** 62n + 77n
const NO_ID = '00000000-0000-0000-0000-000000000000'
/** Bytes that arrive of a response that is cut off. */
const CUT = 5
const APPENDED_AT = 1_700_000_000_000

interface Writer {
  readonly epoch: number
  next: number
  readonly written: Map<number, number>
}

/**
 * A cluster of one broker that follows Kafka's rules for producers: a duplicate batch is acknowledged and not written
 * again, a gap is rejected, an old epoch is fenced. Faults are used in order, one for each request of their kind.
 */
export class ScriptedKafka {
  readonly clock: PassingClock = new PassingClock()
  readonly faults: Partial<Record<ApiName, Fault[]>> = {}
  /** The error codes of the next batches for a partition, by `topic/partition`. */
  readonly refusals: Record<string, number[]> = {}
  /** The versions that the broker supports. */
  versions: BrokerVersions = versionsOf('4.3')
  /** The requests, with their versions. */
  readonly requests: string[] = []
  readonly bodies: string[] = []
  readonly sent: Sent[] = []
  /** The batches in each partition, by `topic/partition`. */
  readonly logs: Map<string, Sent[]> = new Map()
  refreshes = 0
  /** The topics of each DescribeConfigs request. */
  readonly described: (readonly string[])[] = []
  /** The topics of each refresh. */
  readonly refreshed: (readonly string[])[] = []
  leaderOf: (topic: string, partition: number) => number | Promise<number> = () => 1
  coordinatorOf: (type: string, id: string) => number | Promise<number> = () => 1
  /** The error code of a topic in metadata: a broker may not have it yet. */
  topicCode = 0
  /** Whether the partition with the cause comes last in a response. */
  isCauseLast = true
  partitionsOf: (topic: string) => Promise<number> = async (topic) => {
    const count = this.#partitions[topic]
    if (count === undefined) throw new ProtocolError(3, `Metadata of ${topic}`)
    return count
  }
  /** The version of the transaction protocol. */
  transactionVersion: () => Promise<number> = async () => 1
  configs: Record<string, string> = {
    'max.message.bytes': '1000',
    'delete.retention.ms': '1',
    'cleanup.policy': 'compact',
  }
  #epoch = -1
  /** Whether the request is EndTxn in the second version of the transaction protocol. */
  #isVersion2 = false
  #fault: Fault | undefined
  readonly #writers = new Map<string, Writer>()
  readonly #ends = new Map<string, number>()
  readonly #partitions: Readonly<Record<string, number>>

  constructor(partitions: Readonly<Record<string, number>>) {
    this.#partitions = partitions
  }

  get cluster(): KafkaCluster {
    return {
      clock: this.clock,
      leaderOf: async (topic: string, partition: number) => this.leaderOf(topic, partition),
      coordinatorOf: async (type: string, id: string) => this.coordinatorOf(type, id),
      partitionsOf: (topic: string) => this.partitionsOf(topic),
      transactionVersion: () => this.transactionVersion(),
      refresh: async (topics: readonly string[]) => {
        this.refreshes++
        this.refreshed.push(topics)
        const code = this.topicCode
        return topics.map((topic) =>
          code === 0 ? { topic, id: `id of ${topic}`, code, leaders: [1] } : { topic, id: NO_ID, code, leaders: [] },
        )
      },
      require: async (apis: readonly Api[]) => this.versions.require(apis),
      request: async <A extends Api>(
        _node: number,
        _channel: string,
        api: A,
        request: RequestOf<A>,
        limits?: VersionLimits,
      ) => this.#request(api, request, limits),
      requestAny: async <A extends Api>(api: A, request: RequestOf<A>) => this.#request(api, request),
    } as unknown as KafkaCluster
  }

  /** Another instance takes the transactional id. */
  fence(): void {
    this.#epoch++
  }

  /** The batches of a partition: offsets of first records and counts. */
  written(place: string): number {
    return (this.logs.get(place) ?? []).reduce((sum, { count }) => sum + count, 0)
  }

  #request<A extends Api>(api: A, sent: RequestOf<A>, limits?: VersionLimits): ResponseOf<A> {
    const { version, body, request, respond } = carry(this.versions, api, sent, limits)
    const handler = this.#handlers.get(api.key) as Handler<A> | undefined
    if (handler === undefined) throw new Error(`unexpected request ${api.name}`)
    if (api.key === DESCRIBE_CONFIGS.key) return respond(handler(request))
    this.requests.push(`${api.name} ${version}`)
    this.bodies.push(body.toString('hex'))
    this.#isVersion2 = api.key === END_TXN.key && version >= 5
    this.#fault = this.faults[api.name as ApiName]?.shift()
    if (this.#fault === 'request lost') throw lost()
    const response = handler(request)
    if (this.#fault === 'response lost') throw lost()
    return respond(response, this.#fault === 'response cut' ? CUT : undefined)
  }

  /** The error code of the current fault, or of an epoch that is not the current one. */
  #codeOf(epoch: number): number {
    if (typeof this.#fault === 'number') return this.#fault
    return epoch === this.#epoch ? 0 : this.#isVersion2 ? 90 : 47
  }

  readonly #initProducerId: Handler<typeof INIT_PRODUCER_ID> = () => {
    const errorCode = typeof this.#fault === 'number' ? this.#fault : 0
    if (errorCode !== 0) return { errorCode, producerEpoch: -1 }
    return { errorCode, producerId: PRODUCER_ID, producerEpoch: ++this.#epoch }
  }

  readonly #addPartitionsToTxn: Handler<typeof ADD_PARTITIONS_TO_TXN> = (request) => {
    const code = this.#codeOf(request.v3AndBelowProducerEpoch)
    const topics = request.v3AndBelowTopics
    // as brokers do: one topic has the cause, the others were not attempted; they may come first
    const others = code === 0 ? 0 : 55
    return {
      resultsByTopicV3AndBelow: (this.isCauseLast ? [...topics].reverse() : topics).map(({ name, partitions }) => ({
        name,
        resultsByPartition: partitions.map((partitionIndex) => ({
          partitionIndex,
          partitionErrorCode: name === topics[0]?.name ? code : others,
        })),
      })),
    }
  }

  readonly #endTxn: Handler<typeof END_TXN> = ({ producerEpoch }) => {
    const errorCode = this.#codeOf(producerEpoch)
    if (errorCode !== 0) return { errorCode }
    if (this.#isVersion2) this.#epoch++
    return { errorCode, producerId: PRODUCER_ID, producerEpoch: this.#epoch }
  }

  readonly #produce: Handler<typeof PRODUCE> = ({ acks, topicData }) => {
    if (acks !== ACKS_ALL) throw new Error('not acknowledged by all')
    const responses = topicData.map(({ name, partitionData }) => ({
      name: this.#fault === 'another partition' ? `not ${name}` : name,
      partitionResponses: partitionData.map(({ index, records }) => {
        const place = `${name}/${index}`
        const refusal = typeof this.#fault === 'number' ? this.#fault : this.refusals[place]?.shift()
        const [errorCode, baseOffset] =
          refusal === undefined ? this.#append(place, records ?? Buffer.alloc(0)) : [refusal, -1]
        // as brokers do, which return an error for each invalid record
        const refused = errorCode === 0 ? [] : [0, 1]
        return {
          index,
          errorCode,
          baseOffset,
          logAppendTimeMs: APPENDED_AT,
          recordErrors: refused.map((batchIndex) => ({ batchIndex, batchIndexErrorMessage: 'invalid' })),
          errorMessage: errorCode === 0 ? null : 'refused',
        }
      }),
    }))
    return { responses: this.#fault === 'partition missing' ? [] : responses }
  }

  readonly #describeConfigs: Handler<typeof DESCRIBE_CONFIGS> = ({ resources }) => {
    this.described.push(resources.map(({ resourceName }) => resourceName))
    const configs = Object.entries(this.configs).map(([name, value]) => ({
      name,
      value,
      readOnly: false,
      isSensitive: false,
      synonyms: [],
    }))
    return {
      results: resources.map(({ resourceType, resourceName }) => ({
        errorCode: 0,
        errorMessage: null,
        resourceType,
        resourceName,
        configs,
      })),
    }
  }

  readonly #handlers: ReadonlyMap<number, Handler<Api>> = new Map([
    on(INIT_PRODUCER_ID, this.#initProducerId),
    on(ADD_PARTITIONS_TO_TXN, this.#addPartitionsToTxn),
    on(END_TXN, this.#endTxn),
    on(PRODUCE, this.#produce),
    on(DESCRIBE_CONFIGS, this.#describeConfigs),
  ])

  #append(place: string, bytes: Buffer): [code: number, baseOffset: number] {
    const batch: Sent = {
      place,
      producerId: bytes.readBigInt64BE(43),
      epoch: bytes.readInt16BE(51),
      sequence: bytes.readInt32BE(53),
      count: bytes.readInt32BE(57),
      bytes: bytes.toString('hex'),
    }
    this.sent.push(batch)
    if (batch.epoch !== this.#epoch) return [47, -1]
    const known = this.#writers.get(place)
    const writer: Writer = known?.epoch === batch.epoch ? known : { epoch: batch.epoch, next: 0, written: new Map() }
    this.#writers.set(place, writer)
    const before = writer.written.get(batch.sequence)
    if (before !== undefined) return [0, before]
    if (batch.sequence !== writer.next) return [45, -1]
    const base = this.#ends.get(place) ?? 0
    writer.written.set(batch.sequence, base)
    writer.next += batch.count
    this.#ends.set(place, base + batch.count)
    this.logs.set(place, [...(this.logs.get(place) ?? []), batch])
    return [0, base]
  }
}

const lost = () => new JoineryError('LOG_FAILED', 'a connection to a broker ended', { retriable: true })
