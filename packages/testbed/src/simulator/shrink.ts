import { type SimHistory, simulate } from './simulate.js'

/** A smaller history of the same seed that also fails. */
export interface Shrunk {
  /** The indexes of the remaining faults. */
  readonly only: readonly number[]
  readonly horizonMs: number | undefined
  readonly history: SimHistory
}

const MIN_HORIZON_MS = 500
const SHORTENING = 1.4
const MAX_TRIES = 80

/** Removes faults, at first half of them at a time, and then the end of the history, as long as it still fails. */
export async function shrink(history: SimHistory): Promise<Shrunk> {
  const { seed, workload } = history
  let tries = 0
  const fails = async (only: readonly number[], horizonMs: number | undefined): Promise<boolean> => {
    if (++tries > MAX_TRIES) return false
    const { violations } = await simulate({ seed, workload, only, horizonMs })
    return violations.length > 0
  }
  let only = history.faults.map(({ index }) => index)
  for (let size = Math.ceil(only.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < only.length; ) {
      const fewer = [...only.slice(0, from), ...only.slice(from + size)]
      if (await fails(fewer, undefined)) only = fewer
      else from += size
    }
  }
  let horizonMs: number | undefined
  for (let shorter = history.simulatedMs / SHORTENING; shorter >= MIN_HORIZON_MS; shorter /= SHORTENING) {
    const tried = Math.round(shorter)
    if (!(await fails(only, tried))) continue
    horizonMs = tried
  }
  return { only, horizonMs, history: await simulate({ seed, workload, only, horizonMs, keepsTrace: true }) }
}
