import { isJoineryError, JoineryError } from '@joinery/core'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { sleep } from '../connection/sleep.js'
import { CODE, isLeaderMoved, ProtocolError } from '../protocol/error-codes.js'
import {
  ACKS_ALL,
  decodeProduceResponse,
  encodeProduceRequest,
  PRODUCE,
  type ProduceRequest,
} from '../protocol/produce.js'
import type { OutgoingBatch } from './sealed-batches.js'
import { topicGone } from './write-failure.js'

const TIMEOUT_MS = 30_000
const RETRY_MS = 50
const TRIES = 100
const SEQUENCES = 0x8000_0000

/** Who writes. A new epoch begins with new sequence numbers; within an epoch they never start again. */
export interface Identity {
  readonly id: number
  readonly epoch: number
}

/** Sends batches with sequence numbers, so that one which is sent again is written once. */
export class Producer {
  readonly #cluster: KafkaCluster
  readonly #transactionalId: string | null
  readonly #lane: string
  readonly #codec: 'none' | 'gzip'
  readonly #isFlexible: boolean
  readonly #sequences = new Map<string, number>()
  /** The offset behind the last batch of each partition. */
  readonly #ends = new Map<string, number>()
  #identity: Identity = { id: -1, epoch: -1 }

  constructor(
    cluster: KafkaCluster,
    options: {
      readonly transactionalId: string | null
      readonly lane: string
      readonly codec: 'none' | 'gzip'
      readonly isFlexible: boolean
    },
  ) {
    this.#cluster = cluster
    this.#transactionalId = options.transactionalId
    this.#lane = options.lane
    this.#codec = options.codec
    this.#isFlexible = options.isFlexible
  }

  get identity(): Identity {
    return this.#identity
  }

  /** Writes under another identity from now on. Sequence numbers begin again only if it is another one. */
  become(identity: Identity): void {
    const { id, epoch } = this.#identity
    if (identity.id === id && identity.epoch === epoch) return
    this.#identity = identity
    this.#sequences.clear()
  }

  /**
   * Writes batches; those of one partition one after the other. Resolves when all are acknowledged.
   *
   * @throws ProtocolError whose code says that sending the same again cannot help, or the last of what went wrong;
   * JoineryError `TOPIC_MISSING` for a topic that stays unknown
   */
  async send(batches: readonly OutgoingBatch[]): Promise<void> {
    let rest = batches
    while (rest.length > 0) {
      const now = new Map<string, OutgoingBatch>()
      for (const batch of rest) {
        const id = `${batch.topic}/${batch.partition}`
        if (!now.has(id)) now.set(id, batch)
      }
      await this.#sendRound([...now.values()])
      const sent = new Set(now.values())
      rest = rest.filter((batch) => !sent.has(batch))
    }
  }

  /** At most one batch of each partition; sends again, with the same bytes, what went astray. */
  async #sendRound(batches: readonly OutgoingBatch[]): Promise<void> {
    for (const batch of batches) this.#seal(batch)
    let missing = batches
    for (let tries = 1; ; tries++) {
      const failures = await this.#attempt(missing)
      missing = missing.filter(({ baseOffset }) => baseOffset < 0)
      const [first] = missing
      if (first === undefined) return
      const failure = failures.find((each) => !canResend(each)) ?? failures.at(-1) ?? unanswered(first)
      if (tries === TRIES && failure instanceof ProtocolError && failure.code === CODE.UNKNOWN_TOPIC_OR_PARTITION)
        throw topicGone(failure.topic ?? first.topic, failure)
      if (tries === TRIES || !canResend(failure)) throw failure
      const isTransactionBusy = failure instanceof ProtocolError && failure.code === CODE.CONCURRENT_TRANSACTIONS
      await sleep(this.#cluster.clock, isTransactionBusy ? Math.min(2 ** tries, RETRY_MS) : RETRY_MS)
      await this.#cluster.refresh([...new Set(missing.map(({ topic }) => topic))]).catch(() => {}) // the next try says what is wrong
    }
  }

  /** Sends batches to their leaders. Answers what went wrong. */
  async #attempt(batches: readonly OutgoingBatch[]): Promise<readonly unknown[]> {
    const failures: unknown[] = []
    const byLeader = new Map<number, OutgoingBatch[]>()
    for (const batch of batches) {
      try {
        const leader = await this.#cluster.leaderOf(batch.topic, batch.partition)
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), batch])
      } catch (error) {
        failures.push(error)
      }
    }
    const results = await Promise.allSettled([...byLeader].map(([leader, some]) => this.#produce(leader, some)))
    for (const result of results) {
      if (result.status === 'rejected') failures.push(result.reason)
      else failures.push(...result.value)
    }
    return failures
  }

  #seal(batch: OutgoingBatch): void {
    const id = `${batch.topic}/${batch.partition}`
    const sequence = this.#sequences.get(id) ?? 0
    this.#sequences.set(id, (sequence + batch.builder.count) % SEQUENCES)
    batch.sealed = batch.builder.seal(
      { ...this.#identity, sequence, isTransactional: this.#transactionalId !== null },
      this.#codec,
    )
  }

  /** @returns the errors of single batches */
  async #produce(leader: number, batches: readonly OutgoingBatch[]): Promise<readonly ProtocolError[]> {
    const version = this.#isFlexible ? PRODUCE.transactionV2Version : PRODUCE.version
    const request = encodeProduceRequest(
      { transactionalId: this.#transactionalId, acks: ACKS_ALL, timeoutMs: TIMEOUT_MS, topicData: topicData(batches) },
      version,
    )
    const { responses } = decodeProduceResponse(await this.#cluster.request(leader, this.#lane, request), version)
    const failures: ProtocolError[] = []
    for (const { name: topic, partitionResponses } of responses) {
      for (const { index: partition, errorCode, baseOffset, logAppendTimeMs } of partitionResponses) {
        const batch = batches.find((each) => each.topic === topic && each.partition === partition)
        if (batch === undefined) continue
        const problem = errorCode === CODE.NONE ? this.#acknowledge(batch, baseOffset, logAppendTimeMs) : errorCode
        if (problem !== CODE.NONE)
          failures.push(new ProtocolError(problem, `${PRODUCE.name} to ${topic}[${partition}]`, topic))
      }
    }
    return failures
  }

  /** A broker that takes a batch for one that it has written before says yes and writes nothing: its offset tells. */
  #acknowledge(batch: OutgoingBatch, baseOffset: number, appendedAt: number): number {
    const id = `${batch.topic}/${batch.partition}`
    if (baseOffset < (this.#ends.get(id) ?? 0)) return CODE.DUPLICATE_SEQUENCE_NUMBER
    batch.baseOffset = baseOffset
    batch.appendedAt = appendedAt
    this.#ends.set(id, baseOffset + batch.builder.count)
    return CODE.NONE
  }
}

/** Brokers also answer NOT_ENOUGH_REPLICAS when they cannot ask the coordinator about a transaction just now. */
const RESENDABLE = new Set<number>([
  CODE.CONCURRENT_TRANSACTIONS,
  CODE.NOT_ENOUGH_REPLICAS,
  CODE.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
])

function canResend(failure: unknown): boolean {
  if (failure instanceof ProtocolError) return isLeaderMoved(failure.code) || RESENDABLE.has(failure.code)
  return !isJoineryError(failure) || failure.retriable
}

const unanswered = ({ topic, partition }: OutgoingBatch): JoineryError =>
  new JoineryError('LOG_FAILED', `a broker did not say whether it wrote to ${topic}[${partition}]`, {
    retriable: true,
  })

function topicData(batches: readonly OutgoingBatch[]): ProduceRequest['topicData'] {
  const topics = new Map<string, { readonly index: number; readonly records: Uint8Array }[]>()
  for (const { topic, partition, sealed } of batches) {
    const data = { index: partition, records: sealed as Buffer }
    const partitions = topics.get(topic)
    if (partitions === undefined) topics.set(topic, [data])
    else partitions.push(data)
  }
  return Array.from(topics, ([name, partitionData]) => ({ name, partitionData }))
}
