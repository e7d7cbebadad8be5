import { JoineryError } from '../../errors.js'
import type { Position } from '../pipeline-fingerprint.js'
import type { TaskSetup } from '../task-state.js'

/**
 * Committed state belongs to the inputs and the pipelines that it was made from.
 *
 * @throws JoineryError `PIPELINE_CHANGED`, `PARTITIONS_CHANGED`, `TOPIC_RECREATED`
 */
export function checkPosition({ application, inputs }: TaskSetup, position: Position, hash: string): void {
  const reset = `give the new version an application name of its own, or reset ${application}`
  // a position without a hash was set from outside: it only says where to continue
  if (position.hash !== undefined && position.hash !== hash) {
    throw new JoineryError(
      'PIPELINE_CHANGED',
      `the inputs, their roles, the names of the joins, or whether a table's topic is compacted are not what ${application} has committed: ${reset}`,
    )
  }
  for (const [topic, { id }] of Object.entries(position.inputs)) {
    const info = inputs.get(topic)
    if (info !== undefined && position.partitions !== undefined && info.partitions !== position.partitions) {
      throw new JoineryError(
        'PARTITIONS_CHANGED',
        `${topic} has ${info.partitions} partitions, ${application} has committed ${position.partitions}: keys have moved, so ${reset}`,
        { topic },
      )
    }
    if (info !== undefined && id !== undefined && info.id !== id) {
      throw new JoineryError(
        'TOPIC_RECREATED',
        `${topic} was deleted and created again since ${application} last committed: ${reset}`,
        { topic },
      )
    }
  }
}
