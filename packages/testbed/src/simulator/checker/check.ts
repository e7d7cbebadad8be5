import type { SimCluster } from '../brokers/sim-cluster.js'
import type { Happened } from '../nemesis/nemesis.js'
import type { Scenario } from '../scenario/scenario.js'
import type { SimService } from '../service/sim-service.js'
import { checkCalls } from './calls/check-calls.js'
import { noMissedWakes, roomsAreBounded, rowsAtEveryCommit } from './committed-state.js'
import { eachOnce } from './each-once.js'
import { fencing } from './fencing.js'
import { tablesFirst } from './gate.js'
import { keyOrder } from './key-order.js'
import { keepsTheEvent, tableLetters } from './letters.js'
import { livesOf } from './lives.js'
import { taskHistories } from './log-history.js'
import { rowsMet } from './rows-met.js'
import { TableHistory } from './table-history.js'
import { totalsAtEveryCommit } from './totals.js'
import type { Violation } from './violation.js'

/** What the checker has to know beside the log. */
export interface Checked {
  readonly cluster: SimCluster
  readonly scenario: Scenario
  /** Whether a wall clock was set: deadlines that are kept over a restart follow it. */
  readonly hadClockStep: boolean
  readonly service: SimService | undefined
  readonly faults: readonly Happened[]
  /** When processes have closed as they were asked to. */
  readonly closed: ReadonlyMap<string, number>
}

/** Reads everything after healing and draining, and says which promises are broken. */
export function check({ cluster, scenario, hadClockStep, service, faults, closed }: Checked): Violation[] {
  const tasks = taskHistories(cluster, scenario)
  const violations = tasks.flatMap((task) => {
    const { partition, oddities } = task
    const tables = new Map(scenario.tables.map(({ name }) => [name, new TableHistory(cluster, name, partition)]))
    return [
      ...oddities.map((text): Violation => ({ law: 'law 2 one transaction', text, partition })),
      ...rowsAtEveryCommit(scenario, task, tables),
      ...tableLetters(scenario, task, tables),
      ...scenario.pipelines.flatMap((pipeline) => {
        const lives = livesOf(cluster, pipeline, task)
        return [
          ...eachOnce(pipeline, scenario.maxResultBytes, partition, lives),
          ...totalsAtEveryCommit(pipeline, task, lives),
          ...tablesFirst(scenario, pipeline, task, tables, lives),
          ...keyOrder(pipeline, tables, task, lives),
          ...rowsMet({ pipeline, task, tables, hadClockStep }, lives),
          ...noMissedWakes(scenario, pipeline, task, tables, lives),
          ...roomsAreBounded(pipeline, task, lives),
          ...keepsTheEvent(pipeline, partition, lives),
        ]
      }),
    ]
  })
  const { calls } = scenario
  const ofCalls =
    calls === undefined || service === undefined
      ? []
      : checkCalls({ cluster, scenario, calls, ledger: service.ledger, faults, closed }, tasks)
  return [...violations, ...ofCalls, ...fencing(cluster)]
}
