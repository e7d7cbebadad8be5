import type { Origin } from '@joinery/core/log'
import { checkBlocking } from './blocking-record.js'
import type { Violation } from './checker/violation.js'
import { checkContested } from './contested/check-contested.js'
import { checkHaltOfCalls } from './halting-calls.js'
import { checkHalt } from './halting-record.js'
import { checkLostCommits } from './lost-commits.js'
import type { Instance, SimContext } from './machines/instance.js'
import { checkMissingApi } from './missing-api.js'
import { Random } from './random.js'
import { checkSlowEvents } from './slow-events.js'
import { checkTruncatedChangelog } from './truncated-changelog.js'
import { checkTruncatedInput } from './truncated-input.js'

/** The share of histories of joins that end with a record that halts the application. */
const HALTING_SHARE = 0.2
/** The share of histories of joins that end with tasks that several instances take for theirs. */
const CONTESTED_SHARE = 0.35
/** The share of the histories that would end without a further fault in which a function blocks its process. */
const BLOCKING_SHARE = 0.5

/** Options of {@link checkLastFault}. */
export interface LastFaultOptions {
  readonly instances: readonly Instance[]
  readonly seed: number
  /** Checks everything that was ever written. */
  readonly checkLog: (blocking?: Origin) => readonly Violation[]
}

/** Some histories end with a fault that the application may not survive, or that no other fault must come together with. */
export async function checkLastFault(
  context: SimContext,
  { instances, seed, checkLog }: LastFaultOptions,
): Promise<Violation | undefined> {
  const { calls, lacks, onlyFreezes } = context.scenario
  if (calls?.truncatesChangelog === true) return checkTruncatedChangelog(context, instances)
  if (lacks !== undefined) return checkMissingApi(context, instances)
  const contested = new Random(seed + 3)
  if (calls === undefined && !onlyFreezes && contested.chance(CONTESTED_SHARE))
    return checkContested(context, instances, contested, checkLog)
  // a separate generator, so that the history before it does not depend on it
  const random = new Random(seed + 2)
  if (calls === undefined && random.chance(HALTING_SHARE)) return checkHalt(context, instances)
  if (random.chance(0.5)) return checkTruncatedInput(context, instances, random)
  if (onlyFreezes) return undefined
  if (random.chance(BLOCKING_SHARE))
    return (
      (await checkBlocking(context, instances, random, checkLog)) ??
      (await checkSlowEvents(context, instances, random, checkLog))
    )
  return calls === undefined
    ? checkLostCommits(context, instances, random)
    : checkHaltOfCalls(context, instances, random, checkLog)
}
