import { ending } from './explain.js'
import type { Fault } from './nemesis/faults.js'
import type { Workload } from './scenario/scenario.js'
import { type SimHistory, simulate } from './simulate.js'

/** Identifies one history. */
export interface Play {
  readonly seed: number
  readonly workload: Workload
}

/** The result of one history. */
export interface Played extends Play {
  readonly steps: number
  readonly events: number
  readonly simulatedMs: number
  readonly faults: readonly Fault[]
  readonly hash: string
  /** Whether the history was played a second time, to check that it is deterministic. */
  readonly isTwice: boolean
  readonly failure: Failure | undefined
}

/** Why a history failed. */
export interface Failure {
  /** The first law that was violated. */
  readonly law: string
  /** One line with all that is needed to find the history again. */
  readonly text: string
}

/** One in so many seeds is played twice. The same seed has to give the same history. */
const TWICE = 50

/** Plays a seed, and some seeds a second time. */
export async function playSeed({ seed, workload }: Play): Promise<Played> {
  const history = await simulate({ seed, workload })
  const { steps, events, simulatedMs, faults, hash } = history
  const isTwice = seed % TWICE === 0
  const isSame = !isTwice || (await simulate({ seed, workload })).hash === hash
  return {
    seed,
    workload,
    steps,
    events,
    simulatedMs,
    faults: faults.map(({ fault }) => fault),
    hash,
    isTwice,
    failure: isSame ? failureOf(history) : failureBy(history, 'I19 determinism', 'the second history differs'),
  }
}

function failureOf(history: SimHistory): Failure | undefined {
  const [first] = history.violations
  return first && { law: first.law, text: ending(history) }
}

/** @returns the failure of a history that the checker could not judge, in the form of {@link ending} */
export function failureBy({ seed, workload }: Play, law: string, text: string): Failure {
  return { law, text: `seed ${seed}: 1 violation in ${workload}, first ${law}: ${text}` }
}
