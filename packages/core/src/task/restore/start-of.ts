import type { LogSource, TopicPartition } from '../../log/contract.js'
import type { Position } from '../pipeline-fingerprint.js'

/** @returns the offset from which an input is read: the committed one, or else the earliest */
export async function startOf(source: LogSource, at: TopicPartition, position: Position | undefined): Promise<number> {
  return position?.inputs[at.topic]?.next ?? (await source.earliestOffset(at))
}
