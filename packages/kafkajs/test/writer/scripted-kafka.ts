import { JoineryError } from '@joinery/core'
import type { KafkaCluster } from '../../src/connection/kafka-cluster.js'
import type { ApiRequest } from '../../src/protocol/api.js'
import { ProtocolError } from '../../src/protocol/protocol-error.js'
import { RequestWriter } from '../../src/protocol/request-writer.js'
import { ResponseReader } from '../../src/protocol/response-reader.js'
import { PassingClock } from './passing-clock.js'

export type Api = 'Produce' | 'InitProducerId' | 'AddPartitionsToTxn' | 'EndTxn'

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
  readonly producerId: number
  readonly epoch: number
  readonly sequence: number
  readonly count: number
  readonly bytes: string
}

const API: Record<number, Api> = { 0: 'Produce', 22: 'InitProducerId', 24: 'AddPartitionsToTxn', 26: 'EndTxn' }
/** The first flexible version of requests and responses. */
const FLEXIBLE_FROM: Record<Api, number> = { Produce: 9, InitProducerId: 2, AddPartitionsToTxn: 3, EndTxn: 3 }
const NO_ID = '00000000-0000-0000-0000-000000000000'
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
  readonly faults: Partial<Record<Api, Fault[]>> = {}
  /** The error codes of the next batches for a partition, by `topic/partition`. */
  readonly refusals: Record<string, number[]> = {}
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
      request: async (_node: number, _channel: string, request: ApiRequest) => this.#request(request),
      requestAny: async (request: ApiRequest) => this.#request(request),
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

  #request({ api: { key }, version, parts }: ApiRequest): ResponseReader {
    const body = new ResponseReader(Buffer.concat(parts))
    if (key === 32) return new ResponseReader(this.#describe(body))
    const name = API[key]
    if (name === undefined) throw new Error(`unexpected request ${key}`)
    const flexible = version >= FLEXIBLE_FROM[name]
    this.requests.push(`${name} ${version}`)
    this.bodies.push(body.bytes.toString('hex'))
    const fault = this.faults[name]?.shift()
    if (fault === 'request lost') throw lost()
    const answer = this[name](body, flexible, fault)
    if (fault === 'response lost') throw lost()
    return new ResponseReader(fault === 'response cut' ? answer.subarray(0, 5) : answer)
  }

  InitProducerId(_body: ResponseReader, flexible: boolean, fault: Fault | undefined): Buffer {
    const code = typeof fault === 'number' ? fault : 0
    if (code === 0) this.#epoch++
    const answer = new RequestWriter()
      .int32(0)
      .int16(code)
      .int64(code === 0 ? 77 : -1)
      .int16(code === 0 ? this.#epoch : -1)
    return (flexible ? answer.tags() : answer).take()
  }

  AddPartitionsToTxn(body: ResponseReader, _flexible: boolean, fault: Fault | undefined): Buffer {
    body.string()
    body.skip(8)
    const epoch = body.int16()
    const code = typeof fault === 'number' ? fault : epoch === this.#epoch ? 0 : 47
    const topics = body.array(() => ({ topic: body.string(), partitions: body.array(() => body.int32()) }))
    const answer = new RequestWriter().int32(0)
    // as brokers do: one topic has the cause, the others were not attempted; they may come first
    const others = code === 0 ? 0 : 55
    answer.array(this.isCauseLast ? [...topics].reverse() : topics, ({ topic, partitions }) => {
      const isCause = topic === topics[0]?.topic
      answer.string(topic).array(partitions, (partition) => answer.int32(partition).int16(isCause ? code : others))
    })
    return answer.take()
  }

  EndTxn(body: ResponseReader, flexible: boolean, fault: Fault | undefined): Buffer {
    if (flexible) body.compactString()
    else body.string()
    body.skip(8)
    const epoch = body.int16()
    const code = typeof fault === 'number' ? fault : epoch === this.#epoch ? 0 : flexible ? 90 : 47
    if (code === 0 && flexible) this.#epoch++
    const answer = new RequestWriter().int32(0).int16(code)
    return (
      flexible
        ? answer
            .int64(code === 0 ? 77 : -1)
            .int16(code === 0 ? this.#epoch : -1)
            .tags()
        : answer
    ).take()
  }

  Produce(body: ResponseReader, flexible: boolean, fault: Fault | undefined): Buffer {
    if (flexible) body.compactString()
    else body.string()
    if (body.int16() !== -1) throw new Error('not acknowledged by all')
    body.skip(4)
    const array = <T>(read: () => T) => (flexible ? body.compactArray(read) : body.array(read))
    const topics = array(() => {
      const topic = flexible ? body.compactString() : body.string()
      const partitions = array(() => {
        const partition = body.int32()
        const length = flexible ? body.uvarint() - 1 : body.int32()
        const from = body.at
        body.skip(length)
        if (flexible) body.tags()
        return { partition, bytes: body.bytes.subarray(from, from + length) }
      })
      if (flexible) body.tags()
      return { topic: topic ?? '', partitions }
    })
    const answer = new RequestWriter()
    const write = <T>(items: readonly T[], each: (item: T) => void) =>
      flexible ? answer.compactArray(items, each) : answer.array(items, each)
    write(fault === 'partition missing' ? [] : topics, ({ topic, partitions }) => {
      const named = fault === 'another partition' ? `not ${topic}` : topic
      if (flexible) answer.compactString(named)
      else answer.string(named)
      write(partitions, ({ partition, bytes }) => {
        const place = `${topic}/${partition}`
        const refusal = typeof fault === 'number' ? fault : this.refusals[place]?.shift()
        const [code, base] = refusal === undefined ? this.#append(place, bytes) : [refusal, -1]
        answer.int32(partition).int16(code).int64(base).int64(APPENDED_AT).int64(0)
        if (!flexible) return
        // as brokers do, which return an error for each invalid record
        answer.compactArray(code === 0 ? [] : [0, 1], (record) => answer.int32(record).compactString('invalid').tags())
        answer.compactString(code === 0 ? null : 'refused').tags()
      })
      if (flexible) answer.tags()
    })
    answer.int32(0)
    return (flexible ? answer.tags() : answer).take()
  }

  #append(place: string, bytes: Buffer): [code: number, baseOffset: number] {
    const batch: Sent = {
      place,
      producerId: Number(bytes.readBigInt64BE(43)),
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

  #describe(body: ResponseReader): Buffer {
    const topics: readonly string[] = body.array(() => {
      body.int8()
      const topic = body.string() ?? ''
      body.array(() => body.string())
      return topic
    })
    this.described.push(topics)
    const answer = new RequestWriter().int32(0)
    answer.array(topics, (topic) => {
      answer.int16(0).string(null).int8(2).string(topic)
      answer.array(Object.entries(this.configs), ([name, value]) =>
        answer.string(name).string(value).int8(0).int8(0).int8(0).int32(0),
      )
    })
    return answer.take()
  }
}

const lost = () => new JoineryError('LOG_FAILED', 'a connection to a broker ended', { retriable: true })
