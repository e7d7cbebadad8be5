import { JoineryError } from '@joinery/core'
import type { PartitionAssigner } from 'kafkajs'
import type { InternalCluster } from '../kafkajs/internals.js'
import { requireFunctions } from '../kafkajs/require-functions.js'
import { stickyAssigner } from '../membership/sticky-assigner.js'

/**
 * Creates a partition assigner for your own kafkajs consumer. It assigns partition p of all topics to the same member of the
 * group, as an operator requires. kafkajs' own assigner distributes each topic separately, so that rows and events of a
 * key would be in different processes. It must be the only assigner in all members of the group, and all of them must
 * subscribe to the same topics.
 *
 * If the topics do not have the same number of partitions, the consumer's `CRASH` event carries a JoineryError
 * `PIPELINE_INVALID`, and nothing is consumed.
 *
 * @param ownedPartitions returns the partitions whose state this member has: they stay with it as far as balance allows
 * @returns the assigner, for the option `partitionAssigners` of the consumer
 *
 * @example
 * ```ts
 * import type { Operator } from '@joinery/core/operator'
 * import { coPartitionedAssigner } from '@joinery/kafkajs'
 * import kafkajs from 'kafkajs'
 *
 * const operators = new Map<number, Operator>()
 * const kafka = new kafkajs.Kafka({ brokers: ['localhost:9092'] })
 * const consumer = kafka.consumer({
 *   groupId: 'service-a',
 *   partitionAssigners: [coPartitionedAssigner(() => [...operators.keys()])],
 * })
 * ```
 */
export function coPartitionedAssigner(ownedPartitions: () => readonly number[] = () => []): PartitionAssigner {
  return ({ cluster }) => {
    const internal = cluster as unknown as InternalCluster
    requireFunctions('cluster', internal, ['findTopicPartitionMetadata'])
    const partitionsOf = (topic: string) => internal.findTopicPartitionMetadata(topic).length
    const sticky = stickyAssigner(partitionsOf, ownedPartitions)
    return {
      ...sticky,
      async assign(group) {
        checkCounts(new Map(group.topics.map((topic) => [topic, partitionsOf(topic)])))
        return sticky.assign(group)
      },
    }
  }
}

function checkCounts(counts: ReadonlyMap<string, number>): void {
  if (new Set(counts.values()).size <= 1) return
  const all = Array.from(counts, ([topic, count]) => `${topic} has ${count}`).join(', ')
  const problem = `joined topics must have the same number of partitions, so that equal keys meet: ${all}`
  throw new JoineryError('PIPELINE_INVALID', problem, { problems: [problem] })
}
