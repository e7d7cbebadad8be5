import type { TopicInfo } from './contract.js'

/** @returns how long a topic keeps tombstones, in milliseconds; infinite if it never removes them, which some brokers write as -1 */
export function tombstoneRetentionMs({
  cleanup,
  deleteRetentionMs,
}: Pick<TopicInfo, 'cleanup' | 'deleteRetentionMs'>): number {
  return cleanup === 'delete' || deleteRetentionMs < 0 ? Number.POSITIVE_INFINITY : deleteRetentionMs
}
