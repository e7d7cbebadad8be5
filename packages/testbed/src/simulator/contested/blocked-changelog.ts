import type { Violation } from '../checker/violation.js'
import { COMMIT_MS, type Contest, type Owner, TAKEOVER_MS } from './contest.js'

const LAW = 'an owner ends the transaction that holds up its changelog'
/** The owner waits for a second before it looks what holds up the last stable offset, and the group may be rebalancing. */
const FENCED_MS = 6_000
/** So long that it does not end the transaction first. */
const LONG_TRANSACTION_MS = 30_000
/** Less than it takes an instance to notice that its group does not respond. */
const STALE_MS = 5_000

/**
 * The owner of a task stops in the middle of a transaction, under another transactional id than that of its OWNER: the one before
 * was retired. The group has expelled it, and the next owner must end that transaction. Half of the time, the next owner is
 * expelled, too, and cannot know it: then it must leave the transaction alone.
 */
export async function checkBlockedChangelog(contest: Contest): Promise<Violation | undefined> {
  const { context, changelog, random } = contest
  const owner = contest.owner()
  if (owner === undefined || contest.instances.length < 2) return undefined
  const { process } = owner
  if (!(await retireId(contest, owner))) return undefined
  contest.append()
  const open = () => contest.openEntryOf(process.name)
  if (!(await contest.until(() => open() !== undefined, COMMIT_MS))) return undefined
  const { offset: blocked = 0, transaction } = open() ?? {}
  process.pause()
  context.eventLoop.note(`${process.name} stops with an open transaction in ${changelog.topic}[${changelog.partition}]`)
  contest.expel(process.name)
  const successor = () => contest.successor(owner, blocked)
  const isCommitted = () => successor()?.visibleAt !== undefined
  const isTakenOver = await contest.until(isCommitted, TAKEOVER_MS)
  const isLong = context.scenario.transactionTimeoutMs >= LONG_TRANSACTION_MS
  let violation: Violation | undefined
  if (isTakenOver && (!isLong || random.chance(0.5))) await expelSuccessor(contest, successor)
  else if (isTakenOver) {
    const isEnded = () => open()?.transaction !== transaction
    if (!(await contest.until(isEnded, FENCED_MS))) {
      const text = `a transaction at ${blocked} is open ${FENCED_MS} ms after OWNER at ${successor()?.offset} was committed`
      violation = { law: LAW, text, partition: contest.task }
    }
  }
  process.resume()
  context.network.withoutGroup.clear()
  return violation
}

/** A late request of a former member fences the owner, which continues under a fresh id, with the same OWNER. */
async function retireId(contest: Contest, { process }: Owner): Promise<boolean> {
  const { cluster, eventLoop } = contest.context
  const { changelog } = contest
  const id = contest.idOf(process.name)
  if (id === undefined) return false
  eventLoop.note(`a former member fences ${id}`)
  cluster.transactions.init(id, LONG_TRANSACTION_MS)
  const from = changelog.highWatermark
  contest.append()
  const isContinued = () =>
    changelog.entries.some(({ offset, visibleAt, producer }) => {
      const by = cluster.transactions.idOf.get(producer ?? -1n)
      return offset >= from && visibleAt !== undefined && by !== undefined && by !== id
    })
  return contest.until(isContinued, COMMIT_MS)
}

async function expelSuccessor(contest: Contest, successor: () => Parameters<Contest['isBy']>[1] | undefined) {
  const { network, eventLoop } = contest.context
  const entry = successor()
  const next = entry && contest.instances.find(({ process }) => process && contest.isBy(process.name, entry))?.process
  if (next === undefined) return
  eventLoop.note(`${next.name} is expelled, and cannot reach its group`)
  network.withoutGroup.add(next.name)
  contest.expel(next.name)
  await contest.until(() => false, STALE_MS)
}
