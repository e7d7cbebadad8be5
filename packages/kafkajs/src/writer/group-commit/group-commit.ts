import { JoineryError } from '@joinery/core'
import type { TopicPartition } from '@joinery/core/log'
import { failpoint } from '@joinery/failpoint'
import type { KafkaCluster } from '../../connection/kafka-cluster.js'
import { logClosed, sleep } from '../../connection/retry.js'
import { BufferPool } from '../buffer-pool.js'
import type { OutgoingBatch } from '../outgoing-batch.js'
import type { OutputTopics } from '../output-topics.js'
import { BatchRefused } from '../refused-records.js'
import type { ThrottledTimes, TransactionSize } from '../transaction-size.js'
import { isPreviousIncomplete, type TransactionalProducer } from '../transactional-producer.js'
import type { InstanceProducers } from './instance-producers.js'
import { PartQueue, type QueuedPart } from './part-queue.js'
import { requireMember } from './require-member.js'
import { TransactionBatches } from './transaction-batches.js'
import { type PartFailure, TransactionFailure } from './transaction-failure.js'
import type { PartResult, TransactionPart } from './transaction-part.js'

/** Options of {@link GroupCommit}. */
export interface GroupCommitOptions {
  readonly producers: InstanceProducers
  readonly topics: OutputTopics
  readonly size: TransactionSize
  /** How long a part waits while one of its partitions has no leader, in milliseconds. */
  readonly deliveryTimeoutMs: number
  readonly throttling: ThrottledTimes
  /** Sends a heartbeat. Resolves with whether this instance is still a member of the application's group. */
  readonly isMember: () => Promise<boolean>
}

/** After this many failed transactions for which no part was at fault, a part is rejected, and its task is reopened. */
const MAX_ATTEMPTS = 3
const NO_LEADER_RETRY_MS = 100

/**
 * Group commit: one transaction for all tasks of an instance. Sessions submit their parts, and those that are submitted during
 * one transaction go into the next.
 *
 * ```text
 *            a part is queued       all written, all still owners         the response
 *   idle ──────────────────► writing ──────────────────────────► ending ────────────────► idle
 *    ▲                          │                                  │  committed           ▲
 *    │                          │ a batch failed, or a             │ anything else        │
 *    │                          │ session was superseded           ▼                      │
 *    │                          ▼                               unclear: all tasks ───────┘
 *    └─────────────────────── aborted: parts at fault fail,     are reopened
 *                            the others are queued again
 * ```
 *
 * After `unclear` and `aborted` the transactional id is retired, and a heartbeat precedes the next transaction. If it fails, or
 * no producer can be opened, all parts are rejected. An id is also retired after a commit whose EndTxn a broker may get again.
 */
export class GroupCommit {
  readonly pool: BufferPool = new BufferPool()
  readonly #cluster: KafkaCluster
  readonly #options: GroupCommitOptions
  readonly #queue: PartQueue
  #isRunning = false
  /** Whether a transaction has failed, so that the membership has to be verified. */
  #hasFailed = false

  constructor(cluster: KafkaCluster, options: GroupCommitOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#queue = new PartQueue(cluster, options.deliveryTimeoutMs)
  }

  /** Submits a part. Resolves with its outcome. */
  submit(part: TransactionPart): Promise<PartResult> {
    const result = this.#queue.add(part)
    if (!this.#isRunning) void this.#run()
    return result
  }

  /** Commits until the queue is empty. Never rejects. */
  async #run(): Promise<void> {
    const { clock, closed } = this.#cluster
    this.#isRunning = true
    while (!this.#queue.isEmpty && !closed.aborted) {
      await clock.yieldToEventLoop() // others may submit at the same time
      const parts = await this.#queue.take(this.#options.size.maxBytes)
      if (parts.length === 0) await sleep(clock, NO_LEADER_RETRY_MS, closed)
      else await this.#commit(parts).catch((cause: unknown) => reject(parts, cause))
    }
    this.#isRunning = false
    if (closed.aborted) reject(this.#queue.clear(), logClosed())
  }

  async #commit(taken: readonly QueuedPart[]): Promise<void> {
    await this.#verifyMembership()
    const producer = await this.#options.producers.current()
    try {
      await this.#transact(taken, producer)
    } catch (error) {
      this.#retire()
      throw error
    }
  }

  /** After a failure, nothing continues without a heartbeat. */
  async #verifyMembership(): Promise<void> {
    if (!this.#hasFailed) return
    await requireMember(this.#options.isMember)
    this.#hasFailed = false
  }

  async #transact(taken: readonly QueuedPart[], producer: TransactionalProducer): Promise<void> {
    const { topics, size, throttling } = this.#options
    const { clock } = this.#cluster
    const began = clock.monotonic()
    const { totalMs, passedMs } = throttling
    const { transactionalId } = producer
    const parts = taken.map(({ part }) => part)
    const batches = new TransactionBatches(parts, { transactionalId, topics, pool: this.pool, timestamp: clock.now() })
    const unwritten = await producer.write(batches.all)
    failpoint('commit.produced')
    const failure = await (unwritten.size > 0
      ? this.#abortUnwritten(batches, unwritten)
      : this.#check(producer, batches, parts))
    if (failure !== undefined) {
      this.#putBack(taken, failure)
      return
    }
    failpoint('commit.checked')
    if (!(await this.#end(taken, producer))) return
    const endedAt = clock.monotonic()
    const tookMs = endedAt - began - (throttling.passedMs - passedMs)
    size.committed({ bytes: batches.bytes, tookMs, throttledMs: throttling.totalMs - totalMs, endedAt })
    for (const { part, resolve } of taken) {
      const changelog = batches.changelogOf(part)
      part.ownership.committed(changelog, producer)
      resolve({ outcome: 'committed', changelog })
    }
    batches.release()
  }

  /** Aborts a transaction that is not written as a whole. */
  async #abortUnwritten(
    batches: TransactionBatches,
    unwritten: ReadonlyMap<OutgoingBatch, unknown>,
  ): Promise<TransactionFailure> {
    const failure = new TransactionFailure(unwritten.values().next().value)
    // if the previous transaction is incomplete, this one has not begun
    this.#abort(isPreviousIncomplete(failure.cause) ? [] : batches.all)
    await failure.addUnwritten(unwritten, batches, (batch) => this.#isRefused(batch))
    return failure
  }

  /** Whether brokers refuse a batch: it is written in a transaction that is aborted. */
  async #isRefused(batch: OutgoingBatch): Promise<boolean> {
    const producer = await this.#options.producers.current()
    const failure = (await producer.write([batch])).get(batch)
    this.#abort([batch])
    if (failure !== undefined && !(failure instanceof BatchRefused)) throw failure
    return failure !== undefined
  }

  /** Checks that each part's session still owns its task, and aborts the transaction if not. */
  async #check(
    producer: TransactionalProducer,
    batches: TransactionBatches,
    parts: readonly TransactionPart[],
  ): Promise<TransactionFailure | undefined> {
    const failures: (readonly [TransactionPart, PartFailure['outcome'], unknown])[] = []
    const checks = parts.map(async (part) => {
      try {
        const result = await part.ownership.check(batches.changelogOf(part), producer)
        if (result === 'superseded') failures.push([part, 'fenced', undefined])
        if (result === 'truncated') failures.push([part, 'rejected', truncated(part)])
      } catch (cause) {
        failures.push([part, 'rejected', cause])
      }
    })
    await Promise.all(checks)
    const [first] = failures
    if (first === undefined) return undefined
    this.#abort(batches.all)
    const failure = new TransactionFailure(first[2])
    for (const [part, outcome, cause] of failures) failure.add(part, outcome, cause)
    return failure
  }

  /** Aborts a transaction: EndTxn was not sent, so that nothing can become committed. */
  #abort(batches: readonly OutgoingBatch[]): void {
    this.#retire(batches.filter(({ closed }) => closed !== undefined))
  }

  /** After an abort, parts at fault fail, and the others are queued again. */
  #putBack(taken: readonly QueuedPart[], failure: TransactionFailure): void {
    const again: QueuedPart[] = []
    for (const queued of taken) {
      const own = failure.of(queued.part)
      if (own !== undefined) queued.resolve(own)
      else if (!failure.hasParts && ++queued.attempts >= MAX_ATTEMPTS)
        queued.resolve({ outcome: 'rejected', cause: failure.cause })
      else again.push(queued)
    }
    this.#queue.putBack(again)
  }

  /** @returns whether the transaction was committed; if not, the outcome is unclear */
  async #end(taken: readonly QueuedPart[], producer: TransactionalProducer): Promise<boolean> {
    const { producers } = this.#options
    try {
      if (!(await producer.commit())) producers.retire()
      return true
    } catch (cause) {
      this.#retire()
      for (const { resolve } of taken) resolve({ outcome: 'unclear', cause })
      return false
    }
  }

  #retire(written?: readonly TopicPartition[]): void {
    this.#options.producers.retire(written)
    this.#hasFailed = true
  }
}

const truncated = ({ changelog: { topic, partition } }: TransactionPart): JoineryError =>
  new JoineryError('LOG_FAILED', `${topic}[${partition}] does not continue after its last commit: was it truncated?`, {
    topic,
    partition,
    retriable: true,
  })

function reject(parts: readonly QueuedPart[], cause: unknown): void {
  for (const { resolve } of parts) resolve({ outcome: 'rejected', cause })
}
