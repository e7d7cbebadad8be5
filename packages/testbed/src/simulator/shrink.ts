import { FAULTS, type Fault } from './nemesis.js'
import { type SimResultOf, simulate } from './simulate.js'

/** A smaller history of the same seed that fails, too. */
export interface Shrunk {
  readonly without: readonly Fault[]
  readonly horizonMs: number | undefined
  readonly result: SimResultOf
}

const LEAST_HORIZON_MS = 1_000
const HORIZON_MS = 40_000

/** Leaves out kinds of faults, then the end of the history, as long as it still fails. */
export async function shrink(seed: number, without: readonly Fault[]): Promise<Shrunk> {
  let left = without
  for (const fault of FAULTS) {
    if (left.includes(fault)) continue
    const { violations } = await simulate({ seed, without: [...left, fault] })
    if (violations.length > 0) left = [...left, fault]
  }
  let horizonMs: number | undefined
  for (let shorter = HORIZON_MS / 2; shorter >= LEAST_HORIZON_MS; shorter /= 1.5) {
    const tried = Math.round(shorter)
    const { violations } = await simulate({ seed, without: left, horizonMs: tried })
    if (violations.length === 0) break
    horizonMs = tried
  }
  const result = await simulate({
    seed,
    without: left,
    keepsTrace: true,
    ...(horizonMs !== undefined && { horizonMs }),
  })
  return { without: left, horizonMs, result }
}
