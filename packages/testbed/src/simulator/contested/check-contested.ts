import type { Violation } from '../checker/violation.js'
import { drainAll } from '../drain.js'
import type { Instance, SimContext } from '../machines/instance.js'
import type { Random } from '../random.js'
import { checkBetweenBatches } from './between-batches.js'
import { checkBlockedChangelog } from './blocked-changelog.js'
import { Contest } from './contest.js'
import { checkHeldMarkers } from './held-markers.js'
import { checkStaleMember } from './stale-member.js'
import { checkUnclearCommit } from './unclear-commit.js'

/** A session timeout and a rebalance; and where one event can wait at a time, each of a dozen waits for 15 s at most. */
const DEADLINE_MS = 240_000

const CONTESTS: readonly ((contest: Contest) => Promise<Violation | undefined>)[] = [
  checkBlockedChangelog,
  checkStaleMember,
  checkHeldMarkers,
  checkUnclearCommit,
  checkBetweenBatches,
]

/**
 * Two instances take the same task for theirs, in the ways that need several things to happen in one order. After each of them,
 * everything has to drain, and the whole log is checked.
 *
 * @param checkLog checks everything that was ever written
 */
export async function checkContested(
  context: SimContext,
  instances: readonly Instance[],
  random: Random,
  checkLog: () => readonly Violation[],
): Promise<Violation | undefined> {
  for (const check of random.shuffled(CONTESTS)) {
    const contest = new Contest(context, instances, random)
    context.eventLoop.note(`contest: ${check.name} in task ${contest.task}`)
    const violation = (await check(contest)) ?? (await drainAll(context, instances, DEADLINE_MS)) ?? checkLog()[0]
    if (violation !== undefined) return violation
  }
  return undefined
}
