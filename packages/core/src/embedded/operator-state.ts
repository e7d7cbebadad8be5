import { waiterKey } from '../changelog/keys.js'
import { JoineryError } from '../errors.js'
import type { JoinOperatorOptions } from '../join/join-context.js'
import { JoinOperator } from '../join/join-operator.js'
import type { RecordError } from '../outcome/record-error.js'
import { copyTotals } from '../outcome/totals.js'
import type { PipelinePlan } from '../pipeline/plan.js'
import { WriteBatch } from '../task/commit/write-batch.js'
import type { RequestedEnd } from '../task/end-offset.js'
import type { Position } from '../task/pipeline-fingerprint.js'
import { restoreWaiters } from '../task/restore/restore-waiters.js'
import { WAITERS } from '../task/stores/store-names.js'
import type { OperatorStores } from './operator-stores.js'

/**
 * The state of an operator from one load to the next: built from what is committed, and dropped when a step is
 * discarded.
 */
export interface OperatorState {
  readonly join: JoinOperator
  /** By topic, the offset after the last processed record. */
  readonly next: Map<string, number>
  /** The batch of the next step: the effects of the load, to be committed with it. */
  readonly batch: WriteBatch | undefined
  /** By table, end offsets that are awaited. */
  readonly ends: Map<number, RequestedEnd>
  /** The error of the waiting event at which the load has stopped. */
  readonly error?: RecordError
}

/**
 * Builds an operator's state from what is committed.
 *
 * @throws JoineryError `PIPELINE_CHANGED` if it belongs to another pipeline
 */
export async function loadState(
  plan: PipelinePlan,
  hash: string,
  options: JoinOperatorOptions,
  stores: OperatorStores,
  now: number,
): Promise<OperatorState> {
  const { position } = stores
  if (position !== undefined) checkHash(position, hash, options.application)
  const totals = position?.totals[plan.name]
  const join = new JoinOperator(plan, options, totals && copyTotals(totals))
  const next = new Map(Object.entries(position?.inputs ?? {}).map(([topic, input]) => [topic, input.next]))
  const batch = new WriteBatch(WAITERS, () => now)
  await restoreWaiters(stores.waiters(), ({ pipeline, offset, stored }) => {
    if (offset < (next.get(plan.stream) ?? 0)) join.restore(offset, stored, now)
    else batch.putState(waiterKey(pipeline, offset), null) // from a commit that was interrupted: its record is processed again
  })
  return { join, next, batch, ends: new Map() }
}

function checkHash(position: Position, hash: string, application: string): void {
  if (position.hash === hash) return
  throw new JoineryError(
    'PIPELINE_CHANGED',
    `the state of ${application} belongs to a pipeline with other inputs or joins: give the new version another application name`,
  )
}
