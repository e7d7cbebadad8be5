import { JoineryError } from '../../errors.js'
import type { Position } from '../pipeline-fingerprint.js'
import type { TaskSetup } from '../task-state.js'
import { checkInput } from './check-input.js'

/**
 * Checks that committed state belongs to the current inputs and pipelines.
 *
 * @throws JoineryError `PIPELINE_CHANGED`, `PARTITIONS_CHANGED`, `TOPIC_RECREATED`
 */
export function checkPosition(setup: TaskSetup, position: Position, hash: string | undefined): void {
  const { application, inputs } = setup
  // a position without a hash was set from outside: it only contains offsets
  if (position.hash !== undefined && position.hash !== hash) {
    throw new JoineryError(
      'PIPELINE_CHANGED',
      `the inputs, their roles, the names of the joins, or the cleanup.policy of a table's topic have changed since ${application} last committed: change them back, give the new version another application name, or reset ${application}`,
    )
  }
  const { partitions } = position
  for (const [topic, { id }] of Object.entries(position.inputs)) {
    const info = inputs.get(topic)
    if (info !== undefined) checkInput(setup, { id, partitions }, info)
  }
}
