import type { Clock } from '../clock.js'

/**
 * Anchored time: the wall-clock time at the creation of the clock plus the monotonic time since, in milliseconds. It
 * never jumps. (OpenTelemetry calls this an anchored clock.)
 */
export function anchoredClock(clock: Clock): () => number {
  const offset = clock.now() - clock.monotonic()
  return () => Math.floor(clock.monotonic() + offset)
}
