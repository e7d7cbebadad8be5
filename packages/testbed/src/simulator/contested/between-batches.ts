import type { Violation } from '../checker/violation.js'
import { COMMIT_MS, type Contest, TAKEOVER_MS } from './contest.js'

const MANY = 60

/**
 * The owner of a task stops after it has written the first batch of a transaction, without knowing that it was expelled. The next
 * owner writes OWNER behind it. The former one continues: if there is another batch, it lies behind OWNER.
 */
export async function checkBetweenBatches(contest: Contest): Promise<Violation | undefined> {
  const { context, random } = contest
  const owner = contest.owner()
  if (owner === undefined || contest.instances.length < 2) return undefined
  const { process } = owner
  contest.appendWaiting(random.between(20, MANY))
  const open = () => contest.openEntryOf(process.name)
  if (!(await contest.until(() => open() !== undefined, COMMIT_MS))) return undefined
  const from = open()?.offset ?? 0
  context.eventLoop.note(`${process.name} stops in the middle of a transaction`)
  process.pause()
  contest.mislead(process.name)
  await contest.until(() => contest.successor(owner, from) !== undefined, TAKEOVER_MS)
  process.resume()
  await contest.until(() => false, random.between(100, 3_000))
  context.group.stopMisleadingAll()
  return undefined
}
