import type { TopicPartition } from '@joinery/core/log'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { TransactionCoordinator } from './transaction-coordinator.js'
import { transactionProtocol } from './transaction-protocol.js'
import type { TransactionalProducerOptions } from './transactional-producer.js'

/**
 * Aborts a hanging transaction: one that has ended without a marker in these partitions, because Kafka 4.3.1 skips the marker of a
 * partition that has no leader (KAFKA-20734). To write the marker, an empty transaction of the same transactional id adds the
 * partitions and is aborted. Call it when the partitions have leaders again, and only for an id that is never used again.
 */
export async function abortHanging(
  cluster: KafkaCluster,
  transactionalId: string,
  partitions: readonly TopicPartition[],
  options: TransactionalProducerOptions,
): Promise<void> {
  // only version 1 of the protocol can add a partition without a record
  const protocol = transactionProtocol(1)
  const coordinator = new TransactionCoordinator(cluster, transactionalId, { ...options, protocol })
  const producer = await coordinator.init()
  const byTopic = new Map<string, Set<number>>()
  for (const { topic, partition } of partitions) byTopic.set(topic, (byTopic.get(topic) ?? new Set()).add(partition))
  await coordinator.addPartitions(producer, byTopic)
  await coordinator.end(producer, 'abort')
}
