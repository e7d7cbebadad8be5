import type { LogSource, TopicPartition } from '../../log/contract.js'
import type { Position } from '../pipeline-fingerprint.js'

/** The offset from which an input is read, and the leader epoch of what comes before it, if that is known. */
export interface InputStart {
  readonly next: number
  readonly leaderEpoch?: number
}

/** @returns where an input is read from: the committed position, or else the earliest offset */
export async function startOf(
  source: LogSource,
  at: TopicPartition,
  position: Position | undefined,
): Promise<InputStart> {
  return position?.inputs[at.topic] ?? { next: await source.earliestOffset(at) }
}
