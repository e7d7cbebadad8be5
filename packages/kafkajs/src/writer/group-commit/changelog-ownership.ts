import { changelogOwner, type LogRecord, type TopicPartition } from '@joinery/core/log'
import type { KafkaCluster } from '../../connection/kafka-cluster.js'
import { uncommittedBatches } from '../../reader/uncommitted-batches.js'
import type { OutgoingBatch } from '../outgoing-batch.js'
import type { TransactionalProducer } from '../transactional-producer.js'

/**
 * What a check has shown: the session still owns the task; a later owner has taken it, or this cannot be ruled out; or the log
 * does not continue after the session's last record, because it was truncated.
 */
export type OwnershipCheck = 'owner' | 'superseded' | 'truncated'

/** Options of {@link ChangelogOwnership}. */
export interface ChangelogOwnershipOptions {
  /** The session, as its OWNER names it. */
  readonly session: Uint8Array
  /** The time limit for reading a gap, in milliseconds. */
  readonly timeoutMs: number
}

/**
 * Decides whether a session still owns its task: it does as long as no OWNER of another session lies between its own OWNER
 * and the records that it commits. The changelog is a total order, so this needs neither epochs nor generations.
 *
 * The response to Produce contains the offset of a batch. After a committed transaction the next batch lies two offsets after
 * the last record, behind the marker. If it does, nothing was written in between. After any other outcome the number of
 * markers is not known, and the gap is read with `read_uncommitted`. Markers and records in it do not matter, whether they are
 * the session's own or those of an earlier owner, whose transaction will be aborted. An OWNER record of another session matters,
 * committed or not, and missing offsets count as one. A commit of outputs only writes the session's own OWNER again.
 *
 * A broker that has become the leader again may lack the marker of a transaction that is committed (KAFKA-20734). The next batch
 * lies directly after the last record then, and both become visible with the marker that ends its transaction.
 */
export class ChangelogOwnership {
  readonly #cluster: KafkaCluster
  readonly #changelog: TopicPartition
  readonly #timeoutMs: number
  /** The beginning of the values of the session's OWNER records. */
  readonly #ownOwner: Uint8Array
  /** The offset of the session's last committed record; `undefined` until OWNER is committed. */
  #lastOffset: number | undefined
  /** The producer that committed it: only if the same one writes the next batch, the marker is certain to precede it. */
  #committedBy: TransactionalProducer | undefined

  constructor(cluster: KafkaCluster, changelog: TopicPartition, { session, timeoutMs }: ChangelogOwnershipOptions) {
    this.#cluster = cluster
    this.#changelog = changelog
    this.#timeoutMs = timeoutMs
    this.#ownOwner = changelogOwner({ session, transactionalId: '' }).value
  }

  /**
   * Checks the batches of the session in the changelog, all acknowledged and not committed yet.
   *
   * @throws JoineryError, retriable, if the gap before them cannot be read; ProtocolError
   */
  async check(batches: readonly OutgoingBatch[], producer: TransactionalProducer): Promise<OwnershipCheck> {
    if (this.#lastOffset === undefined) return 'owner' // its first record is OWNER
    let from = this.#lastOffset + 1
    let expected = this.#committedBy === producer ? this.#lastOffset + 2 : undefined
    if (expected !== undefined && batches[0]?.baseOffset === from && (await this.#holdsLastOf(producer)))
      expected = from
    for (const { baseOffset, builder } of batches) {
      if (baseOffset < (expected ?? from)) return 'truncated'
      if (baseOffset !== expected && (await this.#mayHoldOwner(from, baseOffset))) return 'superseded'
      from = baseOffset + builder.count
      expected = from
    }
    return 'owner'
  }

  /** Records that a transaction with these batches was committed. */
  committed(batches: readonly OutgoingBatch[], producer: TransactionalProducer): void {
    const last = batches.at(-1)
    if (last === undefined) return
    this.#lastOffset = last.baseOffset + last.builder.count - 1
    this.#committedBy = producer
  }

  /** Whether the last committed record is still there. */
  async #holdsLastOf({ producerId }: TransactionalProducer): Promise<boolean> {
    const from = this.#lastOffset as number
    const range = { ...this.#changelog, from, to: from + 1, timeoutMs: this.#timeoutMs }
    for await (const batch of uncommittedBatches(this.#cluster, range))
      return !batch.isControl && batch.next === from + 1 && batch.producerId === producerId
    return false
  }

  /** Whether another session may have written OWNER between two offsets. */
  async #mayHoldOwner(from: number, to: number): Promise<boolean> {
    const range = { ...this.#changelog, from, to, timeoutMs: this.#timeoutMs }
    let at = from
    for await (const batch of uncommittedBatches(this.#cluster, range)) {
      if (batch.baseOffset > at) return true // what was there is gone
      if (!batch.isControl && batch.records().some(this.#isOtherOwner)) return true
      at = batch.next
    }
    return at < to
  }

  readonly #isOtherOwner = ({ key, value }: LogRecord): boolean => {
    if (key === null || !OWNER.equals(key)) return false
    const { length } = this.#ownOwner
    return value === null || Buffer.compare(value.subarray(0, length), this.#ownOwner) !== 0
  }
}

const OWNER = Buffer.from(changelogOwner({ session: new Uint8Array(), transactionalId: '' }).key)
