import { failpoint } from '@joinery/failpoint'
import type { KafkaCluster } from '../../connection/kafka-cluster.js'
import { logClosed } from '../../connection/retry.js'
import { BufferPool } from '../buffer-pool.js'
import type { OutgoingBatch } from '../outgoing-batch.js'
import type { OutputTopics } from '../output-topics.js'
import { BatchRefused } from '../refused-records.js'
import type { ThrottledTimes, TransactionSize } from '../transaction-size.js'
import { isPreviousIncomplete, type TransactionalProducer, TransactionNotBegun } from '../transactional-producer.js'
import { FaultyPartitions } from './faulty-partitions.js'
import { type GroupCommitPhase, nextPhase } from './group-commit-phase.js'
import type { InstanceProducers } from './instance-producers.js'
import { MembershipProof, type MembershipProofOptions } from './membership-proof.js'
import { checkOwnership } from './ownership-checks.js'
import { PartQueue, type QueuedPart } from './part-queue.js'
import { TransactionBatches } from './transaction-batches.js'
import { TransactionFailure } from './transaction-failure.js'
import type { PartResult, TransactionPart } from './transaction-part.js'

/** Options of {@link GroupCommit}. */
export interface GroupCommitOptions extends MembershipProofOptions {
  readonly producers: InstanceProducers
  readonly topics: OutputTopics
  readonly size: TransactionSize
  /** How long a part waits while one of its partitions has no leader, in milliseconds. */
  readonly deliveryTimeoutMs: number
  readonly throttling: ThrottledTimes
}

/** After this many failed transactions for which no part was at fault, a part is rejected, and its task is reopened. */
const MAX_ATTEMPTS = 3
const NO_LEADER_RETRY_MS = 100
/** For how long batches for a partition that was at fault before are sent again. */
const FAULTY_DELIVERY_MS = 1_000

/**
 * Group commit: one transaction for all tasks of an instance. Sessions submit their parts, and those that are submitted during
 * one transaction go into the next.
 *
 * After `unclear` and `aborted` the transactional id is retired, and a heartbeat precedes the next transaction. Parts
 * wait while the group rebalances. If this instance is not a member, or no producer can be opened, all parts are rejected. An id
 * is also retired after a commit whose EndTxn a broker may get again. To find records that brokers refuse, batches of an aborted
 * transaction are written alone, in transactions that are aborted, too.
 */
export class GroupCommit {
  readonly pool: BufferPool = new BufferPool()
  readonly #cluster: KafkaCluster
  readonly #options: GroupCommitOptions
  readonly #faulty = new FaultyPartitions()
  readonly #queue: PartQueue
  readonly #membership: MembershipProof
  #isRunning = false
  #phase: GroupCommitPhase = 'idle'

  constructor(cluster: KafkaCluster, options: GroupCommitOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#queue = new PartQueue(cluster, { timeoutMs: options.deliveryTimeoutMs, faulty: this.#faulty })
    this.#membership = new MembershipProof(cluster, options)
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
      if (!(await this.#isMember())) continue
      const parts = await this.#queue.take(this.#options.size.maxBytes)
      if (parts.length === 0) await this.#queue.nextPart(NO_LEADER_RETRY_MS)
      else await this.#commit(parts).catch((cause: unknown) => reject(parts, cause))
    }
    this.#isRunning = false
    if (closed.aborted) reject(this.#queue.clear(), logClosed())
  }

  /**
   * After a failure, nothing continues without a heartbeat.
   *
   * @returns whether this instance may continue; if not, all parts are rejected
   */
  async #isMember(): Promise<boolean> {
    if (this.#phase === 'idle') return true
    try {
      await this.#membership.require()
      this.#enter('idle')
      return true
    } catch (cause) {
      reject(this.#queue.clear(), cause)
      return false
    }
  }

  async #commit(taken: readonly QueuedPart[]): Promise<void> {
    const producer = await this.#options.producers.current()
    this.#enter('writing')
    let batches: TransactionBatches | undefined
    try {
      batches = this.#batchesOf(taken, producer)
      await this.#transact(taken, batches, producer)
    } catch (error) {
      this.#retire('aborted', batches?.all)
      if (!(error instanceof TransactionNotBegun)) throw error
      this.#putBack(taken, new TransactionFailure(error.cause))
    }
  }

  #batchesOf(taken: readonly QueuedPart[], { transactionalId }: TransactionalProducer): TransactionBatches {
    const { topics } = this.#options
    const parts = taken.map(({ part }) => part)
    return new TransactionBatches(parts, {
      transactionalId,
      topics,
      pool: this.pool,
      timestamp: this.#cluster.clock.now(),
    })
  }

  async #transact(
    taken: readonly QueuedPart[],
    batches: TransactionBatches,
    producer: TransactionalProducer,
  ): Promise<void> {
    const { size, throttling } = this.#options
    const { clock } = this.#cluster
    const began = clock.monotonic()
    const { totalMs, passedMs } = throttling
    const parts = taken.map(({ part }) => part)
    const isFaulty = parts.some((part) => this.#faulty.hasPart(part))
    const unwritten = await producer.write(batches.all, isFaulty ? FAULTY_DELIVERY_MS : undefined)
    this.#faulty.record(batches.all, unwritten)
    failpoint('commit.produced')
    const failure = await (unwritten.size > 0
      ? this.#abortUnwritten(batches, unwritten)
      : this.#check(producer, batches, parts))
    if (failure !== undefined) {
      this.#putBack(taken, failure)
      return
    }
    failpoint('commit.checked')
    this.#enter('ending')
    if (!(await this.#end(taken, batches, producer))) return
    const endedAt = clock.monotonic()
    const tookMs = endedAt - began - (throttling.passedMs - passedMs)
    size.committed({ bytes: batches.bytes, tookMs, throttledMs: throttling.totalMs - totalMs, endedAt })
    for (const { part, resolve } of taken) {
      const changelog = batches.changelogOf(part)
      part.ownership.committed(changelog, producer)
      resolve({ outcome: 'committed', changelog })
    }
    batches.release()
    this.#enter('idle')
  }

  /** Aborts a transaction that is not written as a whole. */
  async #abortUnwritten(
    batches: TransactionBatches,
    unwritten: ReadonlyMap<OutgoingBatch, unknown>,
  ): Promise<TransactionFailure> {
    const failure = new TransactionFailure(unwritten.values().next().value)
    // where the previous transaction is incomplete, this one has not begun
    this.#retire(
      'aborted',
      batches.all.filter((batch) => !isPreviousIncomplete(unwritten.get(batch))),
    )
    await failure.addUnwritten(unwritten, batches, (batch) => this.#isRefused(batch))
    return failure
  }

  /** Whether brokers refuse a batch: it is written in a transaction that is aborted. */
  async #isRefused(batch: OutgoingBatch): Promise<boolean> {
    const producer = await this.#options.producers.current()
    try {
      const failure = (await producer.write([batch])).get(batch)
      if (failure !== undefined && !(failure instanceof BatchRefused)) throw failure
      return failure !== undefined
    } finally {
      this.#retire('aborted', [batch])
    }
  }

  /** Checks that each part's session still owns its task, and aborts the transaction if not. */
  async #check(
    producer: TransactionalProducer,
    batches: TransactionBatches,
    parts: readonly TransactionPart[],
  ): Promise<TransactionFailure | undefined> {
    const failure = await checkOwnership(producer, batches, parts)
    if (failure !== undefined) this.#retire('aborted', batches.all)
    return failure
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
  async #end(
    taken: readonly QueuedPart[],
    batches: TransactionBatches,
    producer: TransactionalProducer,
  ): Promise<boolean> {
    const { producers } = this.#options
    try {
      if (!(await producer.commit())) producers.retire()
      return true
    } catch (cause) {
      this.#retire('unclear', batches.all)
      for (const { resolve } of taken) resolve({ outcome: 'unclear', cause })
      return false
    }
  }

  /**
   * Retires the transactional id, which aborts its transaction, unless it is committed.
   *
   * @param batches those that may be in the log: brokers may skip the markers of their partitions
   */
  #retire(phase: 'aborted' | 'unclear', batches: readonly OutgoingBatch[] = []): void {
    const written = batches.filter(({ closed }) => closed !== undefined)
    this.#options.producers.retire(written)
    this.#enter(phase)
  }

  #enter(phase: GroupCommitPhase): void {
    this.#phase = nextPhase(this.#phase, phase)
  }
}

function reject(parts: readonly QueuedPart[], cause: unknown): void {
  for (const { resolve } of parts) resolve({ outcome: 'rejected', cause })
}
