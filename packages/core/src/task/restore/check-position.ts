import { JoineryError } from '../../errors.js'
import type { Position } from '../pipeline-fingerprint.js'
import type { TaskSetup } from '../task-state.js'

/**
 * Checks that committed state belongs to the current inputs and pipelines.
 *
 * @throws JoineryError `PIPELINE_CHANGED`, `PARTITIONS_CHANGED`, `TOPIC_RECREATED`
 */
export function checkPosition({ application, inputs }: TaskSetup, position: Position, hash: string | undefined): void {
  const reset = `give the new version another application name, or reset ${application}`
  // a position without a hash was set from outside: it only contains offsets
  if (position.hash !== undefined && position.hash !== hash) {
    throw new JoineryError(
      'PIPELINE_CHANGED',
      `the inputs, their roles, the names of the joins, or the cleanup.policy of a table's topic have changed since ${application} last committed: ${reset}`,
    )
  }
  for (const [topic, { id }] of Object.entries(position.inputs)) {
    const info = inputs.get(topic)
    if (info !== undefined && position.partitions !== undefined && info.partitions !== position.partitions) {
      throw new JoineryError(
        'PARTITIONS_CHANGED',
        `${topic} has ${info.partitions} partitions, but had ${position.partitions} when ${application} last committed: keys have moved, so ${reset}`,
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
