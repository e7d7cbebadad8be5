import { JoineryError } from '@joinery/core'
import type { LogSource } from '@joinery/core/log'
import type { BrokerVersions, VersionLimits } from '../../src/connection/broker-versions.js'
import type { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import { sleep } from '../../src/connection/retry.js'
import { ADD_PARTITIONS_TO_TXN } from '../../src/protocol/add-partitions-to-txn.js'
import type { Api, RequestOf, ResponseOf } from '../../src/protocol/api.js'
import { DESCRIBE_CONFIGS } from '../../src/protocol/describe-configs.js'
import { END_TXN } from '../../src/protocol/end-txn.js'
import { FETCH } from '../../src/protocol/fetch.js'
import { INIT_PRODUCER_ID } from '../../src/protocol/init-producer-id.js'
import { ACKS_ALL, PRODUCE } from '../../src/protocol/produce.js'
import { ProtocolError } from '../../src/protocol/protocol-error.js'
import { decodeAll } from '../protocol/record-batch/decode.js'
import { carry, type Handler, on } from '../support/carry.js'
import { versionsOf } from '../support/releases.js'
import { ScriptedLog } from '../support/scripted-log.js'
import { ScriptedTransactions } from '../support/scripted-transactions.js'
import { PassingClock } from './passing-clock.js'

export type ApiName = 'Produce' | 'InitProducerId' | 'AddPartitionsToTxn' | 'EndTxn' | 'Fetch'

/**
 * The fault of one request: an error code, a connection that breaks before or after the request arrives, or one that stays
 * silent until the request times out.
 */
export type Fault =
  | number
  | 'request lost'
  | 'response lost'
  | 'response cut'
  | 'silence'
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
  readonly isWritten: boolean
}

/** The id of the first producer, which the next ones follow: ids have 63 bits. */
export const PRODUCER_ID: bigint = 2n ** 62n + 77n
const REQUEST_TIMEOUT_MS = 10_000
const NO_ID = '00000000-0000-0000-0000-000000000000'
/** Bytes that arrive of a response that is cut off. */
const CUT = 5
const UNKNOWN_TOPIC = 3
const INVALID_PRODUCER_EPOCH = 47
const PRODUCER_FENCED = 90
const APPENDED_AT = 1_700_000_000_000
const REFUSED = { errorCode: 87, baseOffset: -1, logAppendTimeMs: -1, errorMessage: 'not like this' } as const

interface Writer {
  readonly epoch: number
  next: number
  readonly written: Map<number, number>
}

const firstBroker = () => 1

/**
 * A cluster of one broker that follows Kafka's rules for producers: a duplicate batch is acknowledged and not written
 * again, a gap is rejected, an old epoch is fenced, a transaction ends with a marker in each of its partitions. Faults are
 * used in order, one for each request of their kind.
 */
export class ScriptedKafka {
  readonly clock: PassingClock = new PassingClock()
  /** By kind of request; also by kind and transactional id, as in `EndTxn app-one.0`, which come first. */
  readonly faults: Partial<Record<ApiName | `${ApiName} ${string}`, Fault[]>> = {}
  readonly transactions: ScriptedTransactions = new ScriptedTransactions(
    () => this.#newProducerId(),
    (place, producerId, type) => {
      if (!this.withoutMarkers.has(place)) this.log(place).mark(producerId, type)
    },
  )
  /** The append time in responses to Produce; -1 without LogAppendTime. */
  appendedAt: number = APPENDED_AT
  /** Partitions whose markers are skipped, as Kafka 4.3.1 does while they have no leader (KAFKA-20734). */
  readonly withoutMarkers: Set<string> = new Set()
  /** Is called with each request, and its transactional id, before the broker processes it. */
  onRequest: (name: ApiName, transactionalId: string) => void = () => {}
  /** The error codes of the next batches for a partition, by `topic/partition`. */
  readonly refusals: Record<string, number[]> = {}
  /** Whether a topic accepts the value of an output; changelogs accept everything. */
  validator: (value: string) => boolean = () => true
  /** Whether the broker returns an error for each record that the validator refuses. */
  namesRefused = true
  /** The versions that the broker supports. */
  versions: BrokerVersions = versionsOf('4.3')
  /** The requests, with their versions; Fetch is in {@link history} only. */
  readonly requests: string[] = []
  /** The requests, with their transactional ids, and what {@link note} has added. */
  readonly history: string[] = []
  readonly bodies: string[] = []
  readonly sent: Sent[] = []
  /** The most bytes that a response to Fetch has, if there is more than one batch. */
  maxFetchBytes: number = 2 ** 20
  refreshes = 0
  /** The topics of each DescribeConfigs request. */
  readonly described: (readonly string[])[] = []
  /** The topics of each refresh. */
  readonly refreshed: (readonly string[])[] = []
  leaderOf: (topic: string, partition: number) => number | Promise<number> = firstBroker
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
  lacksReplicas: (topic: string) => Promise<boolean> = async () => false
  /** The version of the transaction protocol. */
  transactionVersion: () => Promise<number> = async () => 1
  configs: Record<string, string> = {
    'max.message.bytes': '1000',
    'delete.retention.ms': '1',
    'cleanup.policy': 'compact',
  }
  /** Ends the client. */
  readonly closing: AbortController = new AbortController()
  readonly #logs = new Map<string, ScriptedLog>()
  /** Producers without a transactional id. */
  readonly #plain = new Set<bigint>()
  #producers = 0n
  #version = 0
  #fault: Fault | undefined
  /** Whether the response to Fetch has no records, so that the broker waits for some. */
  #isWaiting = false
  readonly #writers = new Map<string, Writer>()
  readonly #partitions: Readonly<Record<string, number>>

  constructor(partitions: Readonly<Record<string, number>>) {
    this.#partitions = partitions
  }

  get cluster(): KafkaCluster {
    return {
      clock: this.clock,
      closed: this.closing.signal,
      brokers: [1],
      knownLeaderOf: () => (this.leaderOf === firstBroker ? 1 : undefined),
      leaderOf: async (topic: string, partition: number) => this.leaderOf(topic, partition),
      coordinatorOf: async (type: string, id: string) => this.coordinatorOf(type, id),
      partitionsOf: (topic: string) => this.partitionsOf(topic),
      lacksReplicas: (topic: string) => this.lacksReplicas(topic),
      transactionVersion: () => this.transactionVersion(),
      refresh: async (topics: readonly string[]) => {
        this.refreshes++
        this.refreshed.push(topics)
        const code = this.topicCode
        const described = topics.map(async (topic) =>
          code === 0 ? this.#describe(topic) : { topic, id: NO_ID, code, leaders: [] },
        )
        return Promise.all(described)
      },
      require: async (apis: readonly Api[]) => this.versions.require(apis),
      request: async <A extends Api>(
        _node: number,
        _channel: string,
        api: A,
        request: RequestOf<A>,
        limits?: VersionLimits & { readonly maxWaitMs?: number; readonly timeoutMs?: number },
      ) => {
        if (this.faults[api.name as ApiName]?.[0] === 'silence')
          await sleep(this.clock, limits?.timeoutMs ?? REQUEST_TIMEOUT_MS, this.closing.signal)
        const response = this.#request(api, request, limits)
        const { maxWaitMs = 0 } = limits ?? {}
        if (maxWaitMs > 0 && this.#isWaiting) await sleep(this.clock, maxWaitMs, this.closing.signal)
        return response
      },
      requestAny: async <A extends Api>(api: A, request: RequestOf<A>) => this.#request(api, request),
    } as unknown as KafkaCluster
  }

  /** The metadata of a topic, with the leader -1 where there is none. */
  async #describe(topic: string) {
    let code = 0
    const leaders = Array.from({ length: this.#partitions[topic] ?? 1 }, async (_, partition) =>
      this.leaderOf(topic, partition),
    )
    const found = leaders.map((leader) =>
      leader.catch((error: unknown) => {
        if (error instanceof ProtocolError && error.code === UNKNOWN_TOPIC) code = UNKNOWN_TOPIC
        return -1
      }),
    )
    return { topic, id: `id of ${topic}`, leaders: await Promise.all(found), code }
  }

  /** The ends of partitions. */
  get source(): LogSource {
    const endOffset: LogSource['endOffset'] = async ({ topic, partition }, end) => {
      const log = this.log(`${topic}/${partition}`)
      return end === 'last-stable-offset' ? log.lastStable : log.end
    }
    return { endOffset } as LogSource
  }

  /** @param place `topic/partition` */
  log(place: string): ScriptedLog {
    const known = this.#logs.get(place)
    if (known !== undefined) return known
    const log = new ScriptedLog()
    this.#logs.set(place, log)
    return log
  }

  /** Adds an event to the history of requests. */
  note(event: string): void {
    this.history.push(event)
  }

  /** @returns how many requests of a kind, and of a transactional id, have arrived or were lost */
  count(request: string): number {
    return this.history.filter((each) => each === request || each.startsWith(`${request} `)).length
  }

  /** Another process calls InitProducerId with a transactional id. */
  fence(transactionalId: string): void {
    this.transactions.init(transactionalId)
  }

  /** The number of records in a partition, whether their transactions are committed or not. */
  written(place: string): number {
    return this.sent.filter((each) => each.place === place && each.isWritten).reduce((sum, { count }) => sum + count, 0)
  }

  /** The values of the records that were committed. */
  committed(place: string): readonly string[] {
    return this.log(place).committed.map(({ value }) => String(value))
  }

  #newProducerId(): bigint {
    return PRODUCER_ID + this.#producers++
  }

  #request<A extends Api>(api: A, sent: RequestOf<A>, limits?: VersionLimits): ResponseOf<A> {
    const { version, body, request, respond } = carry(this.versions, api, sent, limits)
    const handler = this.#handlers.get(api.key) as Handler<A> | undefined
    if (handler === undefined) throw new Error(`unexpected request ${api.name}`)
    if (api.key === DESCRIBE_CONFIGS.key) return respond(handler(request))
    const name = api.name as ApiName
    const id = idOf(request)
    const event = Reflect.get(request, 'committed') === false ? `${name}(abort)` : name
    this.history.push(id === '' ? event : `${event} ${id}`)
    if (name !== 'Fetch') {
      this.requests.push(`${api.name} ${version}`)
      this.bodies.push(body.toString('hex'))
    }
    this.onRequest(name, id)
    this.#version = version
    this.#fault = this.faults[`${name} ${id}`]?.shift() ?? this.faults[name]?.shift()
    if (this.#fault === 'request lost' || this.#fault === 'silence') throw lost()
    const response = handler(request)
    if (this.#fault === 'response lost') throw lost()
    return respond(response, this.#fault === 'response cut' ? CUT : undefined)
  }

  readonly #initProducerId: Handler<typeof INIT_PRODUCER_ID> = ({ transactionalId }) => {
    if (typeof this.#fault === 'number') return { errorCode: this.#fault, producerEpoch: -1 }
    if (transactionalId !== null) {
      const { producerId, epoch: producerEpoch } = this.transactions.init(transactionalId)
      return { errorCode: 0, producerId, producerEpoch }
    }
    const producerId = this.#newProducerId()
    this.#plain.add(producerId)
    return { errorCode: 0, producerId, producerEpoch: 0 }
  }

  readonly #addPartitionsToTxn: Handler<typeof ADD_PARTITIONS_TO_TXN> = (request) => {
    const { v3AndBelowTransactionalId: id, v3AndBelowProducerId: producerId } = request
    const places = request.v3AndBelowTopics.flatMap(({ name, partitions }) =>
      partitions.map((each) => `${name}/${each}`),
    )
    const of = { id, producerId, epoch: request.v3AndBelowProducerEpoch }
    const code = typeof this.#fault === 'number' ? this.#fault : this.transactions.add(of, places)
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

  readonly #endTxn: Handler<typeof END_TXN> = ({
    transactionalId: id,
    producerId,
    producerEpoch: epoch,
    committed,
  }) => {
    if (typeof this.#fault === 'number') return { errorCode: this.#fault }
    const type = committed ? 'commit' : 'abort'
    const ended = this.transactions.end({ id, producerId, epoch }, type, this.#version >= 5)
    return { errorCode: ended.code, producerId: ended.producerId, producerEpoch: ended.epoch }
  }

  readonly #produce: Handler<typeof PRODUCE> = ({ transactionalId, acks, topicData }) => {
    if (acks !== ACKS_ALL) throw new Error('not acknowledged by all')
    const responses = topicData.map(({ name, partitionData }) => ({
      name: this.#fault === 'another partition' ? `not ${name}` : name,
      partitionResponses: partitionData.map(({ index, records }) => {
        const place = `${name}/${index}`
        const refusal = typeof this.#fault === 'number' ? this.#fault : this.refusals[place]?.shift()
        const invalid = refusal === undefined ? this.#invalidIn(place, records ?? Buffer.alloc(0)) : []
        if (invalid.length > 0) return { ...REFUSED, index, recordErrors: this.namesRefused ? invalid : [] }
        const [errorCode, baseOffset] =
          refusal === undefined ? this.#append(place, records ?? Buffer.alloc(0), transactionalId) : [refusal, -1]
        // as brokers do, which return an error for each invalid record
        const refused = errorCode === 0 ? [] : [0, 1]
        return {
          index,
          errorCode,
          baseOffset,
          logAppendTimeMs: this.appendedAt,
          recordErrors: refused.map((batchIndex) => ({ batchIndex, batchIndexErrorMessage: 'invalid' })),
          errorMessage: errorCode === 0 ? null : 'refused',
        }
      }),
    }))
    return { responses: this.#fault === 'partition missing' ? [] : responses }
  }

  #invalidIn(place: string, bytes: Buffer): { batchIndex: number; batchIndexErrorMessage: string }[] {
    if (place.includes('changelog')) return []
    const records = decodeAll(bytes)
    return records.flatMap(({ value }, batchIndex) =>
      this.validator(String(value)) ? [] : [{ batchIndex, batchIndexErrorMessage: 'not like this' }],
    )
  }

  readonly #fetch: Handler<typeof FETCH> = ({ isolationLevel, topics, maxBytes }) => {
    if (isolationLevel !== 0) throw new Error('not read uncommitted')
    this.#isWaiting = false
    const responses = topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition, fetchOffset, partitionMaxBytes }) => {
        const log = this.log(`${topic}/${partition}`)
        const errorCode = typeof this.#fault === 'number' ? this.#fault : fetchOffset > log.end ? 1 : 0
        const size = Math.min(maxBytes, partitionMaxBytes, this.maxFetchBytes)
        const records = errorCode === 0 ? log.fetch(fetchOffset, size) : Buffer.alloc(0)
        this.#isWaiting = errorCode === 0 && records.length === 0
        return {
          partitionIndex: partition,
          errorCode,
          highWatermark: log.end,
          lastStableOffset: log.lastStable,
          abortedTransactions: null,
          records,
        }
      }),
    }))
    return { errorCode: 0, responses }
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
    on(FETCH, this.#fetch),
    on(DESCRIBE_CONFIGS, this.#describeConfigs),
  ])

  #append(place: string, bytes: Buffer, transactionalId: string | null): [code: number, baseOffset: number] {
    const batch = {
      place,
      producerId: bytes.readBigInt64BE(43),
      epoch: bytes.readInt16BE(51),
      sequence: bytes.readInt32BE(53),
      count: bytes.readInt32BE(57),
      bytes: bytes.toString('hex'),
      isWritten: false,
    }
    this.sent.push(batch)
    const code = this.#codeOf(batch, transactionalId)
    if (code !== 0) return [code, -1]
    const writerId = `${place} ${batch.producerId}`
    const known = this.#writers.get(writerId)
    const writer: Writer = known?.epoch === batch.epoch ? known : { epoch: batch.epoch, next: 0, written: new Map() }
    this.#writers.set(writerId, writer)
    const before = writer.written.get(batch.sequence)
    if (before !== undefined) return [0, before]
    if (batch.sequence !== writer.next) return [45, -1]
    const base = this.log(place).append(bytes)
    writer.written.set(batch.sequence, base)
    writer.next += batch.count
    batch.isWritten = true
    return [0, base]
  }

  #codeOf({ place, producerId, epoch }: Sent, id: string | null): number {
    if (id === null) return this.#plain.has(producerId) && epoch === 0 ? 0 : INVALID_PRODUCER_EPOCH
    const request = { id, producerId, epoch }
    const code =
      this.#version >= 12 ? this.transactions.add(request, [place]) : this.transactions.verify(request, place)
    return code === PRODUCER_FENCED ? INVALID_PRODUCER_EPOCH : code
  }
}

/** @returns the transactional id of a request; empty if it has none */
function idOf(request: object): string {
  for (const name of ['transactionalId', 'v3AndBelowTransactionalId']) {
    const id: unknown = Reflect.get(request, name)
    if (typeof id === 'string') return id
  }
  return ''
}

const lost = () => new JoineryError('LOG_FAILED', 'a connection to a broker ended', { retriable: true })
