import { summaryOf } from './explain.js'
import type { Fault } from './nemesis/fault.js'
import type { Workload } from './scenario/scenario.js'
import { type SimHistory, simulate } from './simulate.js'

/** Identifies one history. */
export interface SeedRun {
  readonly seed: number
  readonly workload: Workload
}

/** The result of one history. */
export interface SeedResult extends SeedRun {
  readonly steps: number
  readonly events: number
  readonly simulatedMs: number
  readonly faults: readonly Fault[]
  readonly hash: string
  /** Whether it was simulated a second time, to check that it is deterministic. */
  readonly wasRepeated: boolean
  readonly failure: Failure | undefined
}

/** Why a history failed. */
export interface Failure {
  /** The first law that was violated. */
  readonly law: string
  /** One line with everything that is needed to replay the history. */
  readonly text: string
}

/** One in this many seeds is simulated twice: the same seed must give the same history. */
const REPEAT_EVERY = 50

/** Simulates a seed, and some seeds a second time. */
export async function runSeed({ seed, workload }: SeedRun): Promise<SeedResult> {
  const history = await simulate({ seed, workload })
  const { steps, events, simulatedMs, faults, hash } = history
  const wasRepeated = seed % REPEAT_EVERY === 0
  const isSame = !wasRepeated || (await simulate({ seed, workload })).hash === hash
  return {
    seed,
    workload,
    steps,
    events,
    simulatedMs,
    faults: faults.map(({ fault }) => fault),
    hash,
    wasRepeated,
    failure: isSame ? failureOf(history) : failureBy(history, 'I19 determinism', 'the second history differs'),
  }
}

function failureOf(history: SimHistory): Failure | undefined {
  const [first] = history.violations
  return first && { law: first.law, text: summaryOf(history) }
}

/** @returns a failure that the checker did not report, in the form of {@link summaryOf} */
export function failureBy({ seed, workload }: SeedRun, law: string, text: string): Failure {
  return { law, text: `seed ${seed}: 1 violation in ${workload}, first ${law}: ${text}` }
}
