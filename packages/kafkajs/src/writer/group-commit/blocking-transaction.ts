import { JoineryError } from '@joinery/core'
import type { Membership, TopicPartition } from '@joinery/core/log'
import type { KafkaCluster } from '../../connection/kafka-cluster.js'
import { uncommittedBatches } from '../../reader/uncommitted-batches.js'
import { abortHanging } from '../abort-hanging.js'
import { TransactionalProducer, type TransactionalProducerOptions } from '../transactional-producer.js'
import type { EndedTransactions } from './ended-transactions.js'
import { requireMember } from './require-member.js'
import { transactionalIdOf } from './transactional-id-header.js'

/** Options of {@link endBlockingTransaction}. */
export interface BlockingTransactionOptions extends TransactionalProducerOptions {
  readonly application: string
  /** The transactional id of this instance, whose transactions end by themselves. */
  readonly ownId: string
  /** What this instance has ended. */
  readonly ended: EndedTransactions
  /** Whether InitProducerId was sent before, and has not helped. */
  readonly isHanging: boolean
  /** Whether this instance is still a member of the application's group, by a heartbeat now. */
  readonly verifyMembership: Membership['verify']
}

/** The place of the first open record. */
export interface BlockedAt extends TopicPartition {
  readonly offset: number
}

/**
 * Ends the transaction whose first record in a changelog is at an offset, because it holds up the last stable offset. Only
 * transactions of this application are ended, by InitProducerId with the transactional id that the record names.
 *
 * @throws JoineryError `LOG_FAILED`, retriable, if the transaction belongs to another application; `TASK_LOST`, retriable, if
 * this instance is no longer a member: a stale member must not end the transactions of a living one
 */
export async function endBlockingTransaction(
  cluster: KafkaCluster,
  { topic, partition, offset }: BlockedAt,
  options: BlockingTransactionOptions,
): Promise<void> {
  const { application, ownId, ended, verifyMembership, deliveryTimeoutMs: timeoutMs } = options
  const range = { topic, partition, from: offset, to: offset + 1, timeoutMs }
  for await (const batch of uncommittedBatches(cluster, range)) {
    if (batch.isControl) return
    const first = batch.records().find((record) => record.offset >= offset)
    const id = first && transactionalIdOf(first.headers)
    if (id === ownId) return
    if (id === undefined || !id.startsWith(`${application}-`))
      throw heldUp({ topic, partition, offset }, batch.producerId)
    // between seeing the transaction and ending it: the group may have expelled this instance long ago
    const endAsMember = async (end: () => Promise<unknown>) => {
      await requireMember(verifyMembership)
      await end()
    }
    if (options.isHanging)
      await ended.inTurn(id, () => endAsMember(() => abortHanging(cluster, id, [{ topic, partition }], options)))
    else await ended.once(id, () => endAsMember(() => TransactionalProducer.open(cluster, id, options)))
    return
  }
}

function heldUp(at: BlockedAt, producerId: bigint): JoineryError {
  const { topic, partition, offset } = at
  const command = `kafka-transactions.sh --bootstrap-server BROKERS abort --topic ${topic} --partition ${partition} --start-offset ${offset}`
  return new JoineryError(
    'LOG_FAILED',
    `a transaction of producer ${producerId}, which is not of this application, holds up ${topic}[${partition}] from offset ${offset}: if it does not end, run ${command}`,
    { ...at, retriable: true },
  )
}
