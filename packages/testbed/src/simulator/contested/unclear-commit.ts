import type { Violation } from '../checker/violation.js'
import type { Instance } from '../machines/instance.js'
import { APPLICATION } from '../scenario/scenario.js'
import type { Contest } from './contest.js'

/** Until a commit is unclear, if nothing else happens, and transactions time out soon. */
const UNCLEAR_MS = 5_500
/** Until EndTxn is sent again, and that is not long before the instance has lost its tasks. */
const ATTEMPT_MS = 2_100
const COMMIT_MS = 2_000
const ROUNDS = 12
const ROUND_MS = 20
/** How many commits of single tasks are let through. */
const MOST_SINGLE = 20

/**
 * The commit of all tasks of an instance becomes unclear: it is decided, and the response is lost. Often a late request of a former
 * member fences the instance before EndTxn is sent again.
 */
export async function checkUnclearCommit(contest: Contest): Promise<Violation | undefined> {
  const { random } = contest
  const { cluster, network, eventLoop, scenario } = contest.context
  const tasksOf = ({ app }: Instance) => app?.metrics().gauges.tasks ?? 0
  const [{ process }] = contest.instances.toSorted((a, b) => tasksOf(b) - tasksOf(a)) as [Instance]
  if (process === undefined) return undefined
  const { name } = process
  let isUnclear = false
  let endsLeft = MOST_SINGLE
  const atEndTxn = (): void => {
    const own = cluster.transactions.openPartitions(`${APPLICATION}-${name}.`)
    const isJoint = own.filter(({ topic }) => topic === `${APPLICATION}-changelog`).length > 1
    if (!isJoint && --endsLeft > 0) {
      process.beforeEndTxn(atEndTxn)
      return
    }
    isUnclear = true
    eventLoop.note(`${name} gets no response to EndTxn`)
    network.unanswered.add(name)
  }
  process.beforeEndTxn(atEndTxn)
  // what several tasks submit during one transaction goes into the next
  for (let round = 0; round < ROUNDS && !isUnclear; round++) {
    for (let task = 0; task < scenario.partitions; task++) contest.append(task)
    await contest.until(() => isUnclear, random.between(1, ROUND_MS))
  }
  await contest.until(() => isUnclear, COMMIT_MS)
  process.beforeEndTxn(() => {})
  if (!isUnclear) return undefined
  const isFenced = scenario.transactionTimeoutMs > UNCLEAR_MS || random.chance(0.5)
  await contest.until(() => false, isFenced ? random.between(5, ATTEMPT_MS) : UNCLEAR_MS)
  const id = contest.idOf(name)
  if (isFenced && id !== undefined) {
    eventLoop.note(`a former member fences ${id}`)
    cluster.transactions.init(id, scenario.transactionTimeoutMs)
    await contest.until(() => false, ATTEMPT_MS)
  }
  network.unanswered.delete(name)
  return undefined
}
