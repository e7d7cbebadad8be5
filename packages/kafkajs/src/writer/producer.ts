import { isJoineryError, JoineryError } from '@joinery/core'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { sleep } from '../connection/sleep.js'
import { CODE, isLeaderMoved, ProtocolError } from '../protocol/error-codes.js'
import { RequestWriter } from '../protocol/request-writer.js'
import type { ResponseReader } from '../protocol/response-reader.js'
import type { OutgoingBatch } from './sealed-batches.js'
import { topicGone } from './write-failure.js'

const PRODUCE = { api: 0, version: 7, flexibleVersion: 12 } as const
const ACKS_ALL = -1
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

  /** Answers the errors of single batches. */
  async #produce(leader: number, batches: readonly OutgoingBatch[]): Promise<readonly ProtocolError[]> {
    const flexible = this.#isFlexible
    const response = await this.#cluster.request(leader, this.#lane, {
      api: PRODUCE.api,
      version: flexible ? PRODUCE.flexibleVersion : PRODUCE.version,
      flexible,
      parts: flexible ? this.#flexibleBody(batches) : this.#body(batches),
    })
    const failures: ProtocolError[] = []
    const result: Result = (topic, partition, code, baseOffset, appendedAt) => {
      const batch = batches.find((each) => each.topic === topic && each.partition === partition)
      if (batch === undefined) return
      const problem = code === CODE.NONE ? this.#acknowledge(batch, baseOffset, appendedAt) : code
      if (problem !== CODE.NONE)
        failures.push(new ProtocolError(problem, `Produce to ${batch.topic}[${partition}]`, batch.topic))
    }
    if (flexible) readFlexible(response, result)
    else readPlain(response, result)
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

  #body(batches: readonly OutgoingBatch[]): Buffer[] {
    const parts: Buffer[] = []
    const body = new RequestWriter().string(this.#transactionalId).int16(ACKS_ALL).int32(TIMEOUT_MS)
    const topics = byTopic(batches)
    body.int32(topics.length)
    for (const [topic, some] of topics) {
      body.string(topic).int32(some.length)
      for (const { partition, sealed } of some) {
        body.int32(partition).int32((sealed as Buffer).length)
        parts.push(body.take(), sealed as Buffer)
      }
    }
    return parts
  }

  #flexibleBody(batches: readonly OutgoingBatch[]): Buffer[] {
    const parts: Buffer[] = []
    const body = new RequestWriter().compactString(this.#transactionalId).int16(ACKS_ALL).int32(TIMEOUT_MS)
    const topics = byTopic(batches)
    body.uvarint(topics.length + 1)
    for (const [topic, some] of topics) {
      body.compactString(topic).uvarint(some.length + 1)
      for (const { partition, sealed } of some) {
        body.int32(partition).uvarint((sealed as Buffer).length + 1)
        parts.push(body.take(), sealed as Buffer)
        body.tags()
      }
      body.tags()
    }
    parts.push(body.tags().take())
    return parts
  }
}

type Result = (topic: string | null, partition: number, code: number, baseOffset: number, appendedAt: number) => void

function readPlain(response: ResponseReader, result: Result): void {
  response.array(() => {
    const topic = response.string()
    response.array(() => {
      const [partition, code, base, appendedAt] = [
        response.int32(),
        response.int16(),
        response.int64(),
        response.int64(),
      ]
      response.int64()
      result(topic, partition, code, base, appendedAt)
    })
  })
}

function readFlexible(response: ResponseReader, result: Result): void {
  response.compactArray(() => {
    const topic = response.compactString()
    response.compactArray(() => {
      const [partition, code, base, appendedAt] = [
        response.int32(),
        response.int16(),
        response.int64(),
        response.int64(),
      ]
      response.int64()
      response.compactArray(() => {
        response.int32()
        response.compactString()
        response.tags()
      })
      response.compactString()
      response.tags()
      result(topic, partition, code, base, appendedAt)
    })
    response.tags()
  })
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

function byTopic(batches: readonly OutgoingBatch[]): [string, OutgoingBatch[]][] {
  const topics = new Map<string, OutgoingBatch[]>()
  for (const batch of batches) {
    const some = topics.get(batch.topic)
    if (some === undefined) topics.set(batch.topic, [batch])
    else some.push(batch)
  }
  return [...topics]
}
