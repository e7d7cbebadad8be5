import type { Clock } from '../clock.js'

/** Steady time: the wall clock as it was at the start, advanced by the monotonic one, so that it never steps. */
export function steadyTime(clock: Clock): () => number {
  const offset = clock.now() - clock.monotonic()
  return () => Math.floor(clock.monotonic() + offset)
}
