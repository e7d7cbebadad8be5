import type { TaskHistory } from '../log-history.js'
import type { Violation } from '../violation.js'
import type { CallContext } from './call-context.js'
import { type CallHistory, callHistory, toldByTransaction } from './call-history.js'
import { callTotals } from './call-totals.js'
import { claims } from './claims.js'
import { doubts } from './doubts.js'
import { remembered } from './remembered.js'
import { requests } from './requests.js'
import { results } from './results.js'

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
