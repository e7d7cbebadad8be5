/**
 * Milliseconds of the log's clock, estimated: the time at which the log appended OWNER, plus the monotonic time since.
 * Retention is measured by it, because this machine's clock may be wrong.
 */
export function logClock(openedAt: number, monotonic: () => number): () => number {
  const opened = monotonic()
  return () => openedAt + monotonic() - opened
}
