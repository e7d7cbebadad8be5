import type { CallPlan } from './call-plan.js'
import type { PipelinePlan, TablePlan } from './plan.js'

/** What pipelines need of a changelog, which at-least-once does not write: without it, state would be wrong after a crash. */
export function changelogNeeds(
  pipelines: readonly PipelinePlan[],
  tables: readonly TablePlan[],
  calls: readonly CallPlan[],
): string[] {
  return [
    ...pipelines.flatMap(({ name, joins }) =>
      joins
        .filter(({ wait }) => wait !== undefined)
        .map((join) => `pipeline ${name}: join ${join.name} waits, and waiting events are kept by exactly-once only`),
    ),
    ...tables
      .filter(({ start }) => start === 'by-timestamp')
      .map(({ topic }) => `table ${topic} starts 'by-timestamp', and its rows are kept by exactly-once only`),
    ...calls.map(({ name }) => `pipeline ${name} makes calls, and what was called is kept by exactly-once only`),
  ]
}
