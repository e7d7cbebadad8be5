import type { TopicPartition } from '@joinery/core/log'

/** @returns the name of a partition, for messages and as a key of maps */
export const partitionName = ({ topic, partition }: TopicPartition): string => `${topic}[${partition}]`
