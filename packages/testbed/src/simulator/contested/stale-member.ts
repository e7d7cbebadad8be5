import type { Violation } from '../checker/violation.js'
import type { Contest } from './contest.js'

const LAW = 'after a failure, an instance continues only as a member'
/** Less than it takes an instance to notice that its group does not respond. */
const STALE_MS = 5_000

/**
 * A transaction fails while its instance is expelled and cannot reach its group. It must not write under another transactional id:
 * after each failure it would disturb the next owner again.
 */
export async function checkStaleMember(contest: Contest): Promise<Violation | undefined> {
  const { changelog } = contest
  const { cluster, network, eventLoop } = contest.context
  const process = contest.owner()?.process
  const id = process && contest.idOf(process.name)
  if (process === undefined || id === undefined) return undefined
  eventLoop.note(`${process.name} is expelled, cannot reach its group, and a former member fences ${id}`)
  network.withoutGroup.add(process.name)
  contest.expel(process.name)
  cluster.transactions.init(id, contest.context.scenario.transactionTimeoutMs)
  const from = changelog.highWatermark
  contest.append()
  const next = () => changelog.entries.find((entry) => entry.offset >= from && contest.isBy(process.name, entry))
  await contest.until(() => next() !== undefined, STALE_MS)
  const found = next()
  network.withoutGroup.clear()
  if (found === undefined) return undefined
  const text = `${process.name} wrote at ${found.offset} after ${id} was fenced, and was no member`
  return { law: LAW, text, partition: contest.task }
}
