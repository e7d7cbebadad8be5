import type { TopicPartition } from '@joinery/core/log'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { TransactionCoordinator } from './transaction-coordinator.js'
import { transactionProtocol } from './transaction-protocol.js'
import type { TransactionalProducerOptions } from './transactional-producer.js'

/**
 * Ends records that no transaction owns any longer: Kafka 4.3.1 skips the marker of a partition that has no leader (KAFKA-20734).
 * An empty transaction of the same transactional id that contains the partition, and is aborted, writes the marker. Call it
 * when the partitions have leaders again, and only for an id that is never used again.
 */
export async function abortHanging(
  cluster: KafkaCluster,
  transactionalId: string,
  partitions: readonly TopicPartition[],
  options: TransactionalProducerOptions,
): Promise<void> {
  // only in the first version of the protocol can a partition be added without a record
  const protocol = transactionProtocol(1)
  const coordinator = new TransactionCoordinator(cluster, transactionalId, { ...options, protocol })
  const producer = await coordinator.init()
  const byTopic = new Map<string, Set<number>>()
  for (const { topic, partition } of partitions) byTopic.set(topic, (byTopic.get(topic) ?? new Set()).add(partition))
  await coordinator.addPartitions(producer, byTopic)
  await coordinator.end(producer, 'abort')
}
