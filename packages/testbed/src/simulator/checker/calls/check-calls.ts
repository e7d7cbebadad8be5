import type { SimCluster } from '../../brokers/sim-cluster.js'
import type { Happened } from '../../nemesis/nemesis.js'
import type { SimCalls } from '../../scenario/call-scenario.js'
import type { Scenario } from '../../scenario/scenario.js'
import type { RequestLedger } from '../../service/request-ledger.js'
import type { TaskHistory } from '../log-history.js'
import type { Violation } from '../violation.js'
import { type CallHistory, callHistory, toldByTransaction } from './call-history.js'
import { callTotals } from './call-totals.js'
import { claims } from './claims.js'
import { doubts } from './doubts.js'
import { remembered } from './remembered.js'
import { requests } from './requests.js'
import { results } from './results.js'

/** What the laws of calls have to know beside the log. */
export interface CallContext {
  readonly cluster: SimCluster
  readonly scenario: Scenario
  readonly calls: SimCalls
  /** What the service and those who called it remember. */
  readonly ledger: RequestLedger
  readonly faults: readonly Happened[]
  /** When processes have closed as they were asked to. */
  readonly closed: ReadonlyMap<string, number>
}

/** The promises of `callOnce`, for every commit of every task. */
export function checkCalls(context: CallContext, tasks: readonly TaskHistory[]): Violation[] {
  const told = toldByTransaction(context.cluster)
  const histories = tasks.map((task): CallHistory => callHistory(context.cluster, task, told))
  return [
    ...requests(context, histories),
    ...histories.flatMap((history) => [
      ...claims(context, history),
      ...doubts(context, history),
      ...results(context, history),
      ...callTotals(context, history),
      ...remembered(context, history),
    ]),
  ]
}
