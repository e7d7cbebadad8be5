import type { Clock } from '../clock.js'

/** Steady time: the wall clock at the start plus the monotonic time since, so that it never steps. */
export function steadyTime(clock: Clock): () => number {
  const offset = clock.now() - clock.monotonic()
  return () => Math.floor(clock.monotonic() + offset)
}
