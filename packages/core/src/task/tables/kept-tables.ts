import type { TopicInfo } from '../../log/contract.js'
import type { ApplicationPlan } from '../../pipeline/plan.js'

/** Whether a table's own topic keeps each key's latest record forever, so that rows can be rebuilt from it. */
function servesAsChangelog(order: 'table-first' | 'by-timestamp', info: TopicInfo): boolean {
  return order === 'table-first' && info.cleanup === 'compact'
}

/** The tables whose rows are kept in the changelog. */
export function keptTables(plan: ApplicationPlan, inputs: ReadonlyMap<string, TopicInfo>): ReadonlySet<string> {
  const kept = plan.tables.filter(({ topic, order }) => !servesAsChangelog(order, inputs.get(topic) as TopicInfo))
  return new Set(kept.map(({ topic }) => topic))
}
