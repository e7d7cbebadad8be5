import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { CODE, isLeaderMoved, ProtocolError } from '../wire/error-codes.js'
import { RequestWriter } from '../wire/request-writer.js'
import type { ResponseReader } from '../wire/response-reader.js'
import type { OutgoingBatch } from './sealed-batches.js'

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

  /** Writes under another identity from now on. */
  become(identity: Identity): void {
    this.#identity = identity
    this.#sequences.clear()
  }

  /**
   * Writes batches; those of one partition one after the other. Resolves when all are acknowledged.
   *
   * @throws ProtocolError whose code says that sending the same again cannot help
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
    for (let tries = 1; missing.length > 0; tries++) {
      const byLeader = new Map<number, OutgoingBatch[]>()
      let failure: unknown
      for (const batch of missing) {
        try {
          const leader = await this.#cluster.leaderOf(batch.topic, batch.partition)
          byLeader.set(leader, [...(byLeader.get(leader) ?? []), batch])
        } catch (error) {
          failure = error
        }
      }
      const results = await Promise.allSettled([...byLeader].map(([leader, some]) => this.#produce(leader, some)))
      for (const result of results) {
        if (result.status === 'rejected') failure = result.reason
        else if (result.value !== undefined) failure = result.value
      }
      missing = missing.filter(({ baseOffset }) => baseOffset < 0)
      if (missing.length === 0) return
      if (tries === TRIES || (failure instanceof ProtocolError && !canResend(failure.code))) throw failure
      await new Promise((resolve) =>
        setTimeout(
          resolve,
          failure instanceof ProtocolError && failure.code === CODE.CONCURRENT_TRANSACTIONS
            ? Math.min(2 ** tries, RETRY_MS)
            : RETRY_MS,
        ),
      )
      await this.#cluster.refresh([...new Set(missing.map(({ topic }) => topic))]).catch(() => {}) // the next try says what is wrong
    }
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

  /** Answers the first error that sending again may cure. */
  async #produce(leader: number, batches: readonly OutgoingBatch[]): Promise<ProtocolError | undefined> {
    const flexible = this.#isFlexible
    const response = await this.#cluster.request(leader, this.#lane, {
      api: PRODUCE.api,
      version: flexible ? PRODUCE.flexibleVersion : PRODUCE.version,
      flexible,
      parts: flexible ? this.#flexibleBody(batches) : this.#body(batches),
    })
    let failure: ProtocolError | undefined
    const result = (topic: string | null, partition: number, code: number, baseOffset: number, appendedAt: number) => {
      const batch = batches.find((each) => each.topic === topic && each.partition === partition)
      if (batch === undefined) return
      if (code === CODE.NONE) {
        batch.baseOffset = baseOffset
        batch.appendedAt = appendedAt
        return
      }
      const error = new ProtocolError(code, `Produce to ${topic}[${partition}]`)
      if (failure === undefined || !canResend(code)) failure = error
    }
    if (flexible) readFlexible(response, result)
    else readPlain(response, result)
    return failure
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

const canResend = (code: number): boolean => isLeaderMoved(code) || code === CODE.CONCURRENT_TRANSACTIONS

function byTopic(batches: readonly OutgoingBatch[]): [string, OutgoingBatch[]][] {
  const topics = new Map<string, OutgoingBatch[]>()
  for (const batch of batches) {
    const some = topics.get(batch.topic)
    if (some === undefined) topics.set(batch.topic, [batch])
    else some.push(batch)
  }
  return [...topics]
}
