import type { TaskHistory } from '../log-history.js'
import type { Violation } from '../violation.js'
import type { CallContext } from './call-context.js'
import { type CallHistory, callHistory, outputsByTransaction } from './call-history.js'
import { callTotals } from './call-totals.js'
import { claims } from './claims.js'
import { inDoubtCalls } from './in-doubt-calls.js'
import { requests } from './requests.js'
import { results } from './results.js'
import { retention } from './retention.js'

/** Checks the promises of `callOnce` at every commit of every task. */
export function checkCalls(context: CallContext, tasks: readonly TaskHistory[]): Violation[] {
  const outputs = outputsByTransaction(context.cluster)
  const histories = tasks.map((task): CallHistory => callHistory(context.cluster, task, outputs))
  return [
    ...requests(context, histories),
    ...histories.flatMap((history) => [
      ...claims(context, history),
      ...inDoubtCalls(context, history),
      ...results(context, history),
      ...callTotals(context, history),
      ...retention(context, history),
    ]),
  ]
}
