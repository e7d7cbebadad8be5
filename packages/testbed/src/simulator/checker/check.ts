import type { Origin } from '@joinery/core/log'
import type { SimCluster } from '../brokers/sim-cluster.js'
import type { InjectedFault } from '../nemesis/nemesis.js'
import type { Scenario } from '../scenario/scenario.js'
import type { SimService } from '../service/sim-service.js'
import { checkCalls } from './calls/check-calls.js'
import { rowsAtEveryCommit } from './committed-state.js'
import { tableDeadLetters } from './dead-letters.js'
import { eachOnce } from './each-once.js'
import { eventLifecycles } from './event-lifecycle.js'
import { fencing } from './fencing.js'
import { joinedRows } from './joined-rows.js'
import { keyOrder } from './key-order.js'
import { taskHistories } from './log-history.js'
import { noMissedWakeups } from './missed-wakeups.js'
import { oneOwner } from './one-owner.js'
import { outcomeFidelity } from './outcome-fidelity.js'
import type { PipelineContext } from './pipeline-context.js'
import { progress } from './progress.js'
import { tablesComeFirst } from './table-first.js'
import { TableHistory } from './table-history.js'
import { totalsAtEveryCommit } from './totals.js'
import type { Violation } from './violation.js'
import { waitBuffersAreBounded } from './wait-buffer-bounds.js'

/** What the checker needs in addition to the log. */
export interface CheckOptions {
  readonly cluster: SimCluster
  readonly scenario: Scenario
  /** Whether a wall clock was changed: deadlines that survive a restart follow it. */
  readonly hadClockStep: boolean
  readonly service: SimService | undefined
  readonly faults: readonly InjectedFault[]
  /** When each process finished a graceful stop. */
  readonly closed: ReadonlyMap<string, number>
  /** The record whose functions block their process, if there is one. */
  readonly blocking?: Origin | undefined
}

const PIPELINE_CHECKS: readonly ((context: PipelineContext) => Violation[])[] = [
  eachOnce,
  totalsAtEveryCommit,
  tablesComeFirst,
  keyOrder,
  joinedRows,
  noMissedWakeups,
  waitBuffersAreBounded,
  outcomeFidelity,
]

/** Reads everything after healing and draining. */
export function check({
  cluster,
  scenario,
  hadClockStep,
  service,
  faults,
  closed,
  blocking,
}: CheckOptions): Violation[] {
  const tasks = taskHistories(cluster, scenario)
  const violations = tasks.flatMap((task) => {
    const { partition, anomalies } = task
    const tables = new Map(scenario.tables.map(({ name }) => [name, new TableHistory(cluster, name, partition)]))
    return [
      ...anomalies.map((text): Violation => ({ law: 'law 2 one transaction', text, partition })),
      ...rowsAtEveryCommit(scenario, task, tables),
      ...tableDeadLetters(scenario, task, tables),
      ...(scenario.onlyFreezes ? progress(cluster, scenario, task) : []),
      ...scenario.pipelines.flatMap((pipeline) => {
        const lifecycles = eventLifecycles(cluster, pipeline, task)
        const context: PipelineContext = { scenario, pipeline, task, tables, lifecycles, hadClockStep, blocking }
        return PIPELINE_CHECKS.flatMap((check) => check(context))
      }),
    ]
  })
  const { calls } = scenario
  const ofCalls =
    calls === undefined || service === undefined
      ? []
      : checkCalls({ cluster, scenario, calls, ledger: service.ledger, faults, closed, blocking }, tasks)
  return [...violations, ...ofCalls, ...fencing(cluster), ...oneOwner(cluster)]
}
