import { createHash } from 'node:crypto'
import type { PositionRecord } from '../changelog/position-record.js'
import type { Totals } from '../outcome/totals.js'
import type { ApplicationPlan } from '../pipeline/plan.js'

/** The POSITION record of a task, with the totals of its pipelines by name. */
export type Position = PositionRecord<Totals>

/**
 * A digest of what committed state depends on: the inputs, their roles, and the names of joins.
 *
 * @param kept tables whose rows are kept in the changelog
 */
export function pipelineHash(plan: ApplicationPlan, kept: ReadonlySet<string> = new Set()): string {
  const shape = {
    streams: plan.pipelines.map(({ name, stream, joins }) => [name, stream, joins.map((join) => join.name)]).sort(),
    // a plan without calls keeps the digest that it had before calls existed
    ...(plan.calls.length > 0 && { calls: plan.calls.map(({ name, stream }) => [name, stream]).sort() }),
    tables: plan.tables.map(({ topic, order }) => [topic, order, kept.has(topic)]).sort(),
  }
  return createHash('sha256').update(JSON.stringify(shape)).digest('hex').slice(0, 32)
}
