import { parseChangelogKey } from '../changelog/keys.js'
import { JoineryError } from '../errors.js'
import { JoinOperator, type OperatorOptions as JoinOptions } from '../join/join-operator.js'
import { copyTotals } from '../outcome/totals.js'
import type { PipelinePlan } from '../pipeline/plan.js'
import type { RequestedEnd } from '../task/end-offset.js'
import type { Position } from '../task/pipeline-fingerprint.js'
import { WAITERS } from '../task/stores/store-names.js'
import { WriteBatch } from '../task/write-batch.js'
import type { OperatorStores } from './operator-stores.js'

/** An operator between a load and the next: made of what is committed, thrown away when a step is discarded. */
export interface OperatorState {
  readonly join: JoinOperator
  /** By topic, the offset behind what was processed. */
  readonly next: Map<string, number>
  /** What the next step begins with: what was found at the load. */
  readonly batch: WriteBatch | undefined
  /** By table, ends that are waited for. */
  readonly ends: Map<number, RequestedEnd>
}

/**
 * Makes an operator of its committed state.
 *
 * @throws JoineryError `PIPELINE_CHANGED` if that is another pipeline's
 */
export async function loadState(
  plan: PipelinePlan,
  hash: string,
  options: JoinOptions,
  stores: OperatorStores,
  now: number,
): Promise<OperatorState> {
  const { position } = stores
  if (position !== undefined) checkHash(position, hash, options.application)
  const totals = position?.totals[plan.name]
  const join = new JoinOperator(plan, options, totals && copyTotals(totals))
  const next = new Map(Object.entries(position?.inputs ?? {}).map(([topic, input]) => [topic, input.next]))
  const known: { readonly offset: number; readonly stored: Uint8Array }[] = []
  const batch = new WriteBatch(WAITERS, () => now)
  for await (const [bytes, stored] of stores.waiters()) {
    const key = parseChangelogKey(bytes)
    if (key.kind !== 'waiter') continue
    if (key.offset < (next.get(plan.stream) ?? 0)) known.push({ offset: key.offset, stored })
    else batch.putState(bytes, null) // of a commit that did not get to its end: its record comes again
  }
  known.sort((a, b) => a.offset - b.offset)
  for (const { offset, stored } of known) join.restore(offset, stored, now)
  return { join, next, batch, ends: new Map() }
}

function checkHash(position: Position, hash: string, application: string): void {
  if (position.hash === hash) return
  throw new JoineryError(
    'PIPELINE_CHANGED',
    `the state of ${application} is of a pipeline with other inputs or joins: give the new version a name of its own`,
  )
}
