import type { LogSource, TopicPartition } from '../log/contract.js'
import type { Position } from './pipeline-fingerprint.js'

/** Where an input is read on: a new one from its beginning. */
export async function startOf(source: LogSource, at: TopicPartition, position: Position | undefined): Promise<number> {
  return position?.inputs[at.topic]?.next ?? (await source.earliestOffset(at))
}
