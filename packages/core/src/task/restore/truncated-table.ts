import { isJoineryError, JoineryError } from '../../errors.js'
import type { LogSource, ReadPosition, TopicPartition } from '../../log/contract.js'

/**
 * Whether the log no longer holds what was read of a partition up to a position: it was truncated, or records that follow
 * the position were deleted.
 */
export async function isLost(
  source: Pick<LogSource, 'read'>,
  position: ReadPosition,
  signal: AbortSignal,
): Promise<boolean> {
  const stop = new AbortController()
  try {
    for await (const _ of source.read(position, AbortSignal.any([signal, stop.signal]))) break
    return false
  } catch (error) {
    if (isJoineryError(error, 'OFFSET_OUT_OF_RANGE')) return true
    throw error
  } finally {
    stop.abort()
  }
}

/**
 * A table that is its own changelog is what its topic holds: if the topic loses records, the table is rebuilt from what is
 * left.
 *
 * @returns the error that reopens the task, if the topic has lost records; else the error itself
 */
export function truncatedTable(error: unknown, { topic, partition }: TopicPartition): unknown {
  if (!isJoineryError(error, 'OFFSET_OUT_OF_RANGE')) return error
  return new JoineryError('STORE_BEHIND', `table ${topic}[${partition}] is rebuilt from its topic: ${error.message}`, {
    cause: error,
    topic,
    partition,
    retriable: true,
  })
}
