/**
 * The log's own clock as far as a task knows it: the time at which the log appended OWNER, and monotonic time since. What
 * concerns the log's retention is measured by it, because this machine's clock may be wrong.
 */
export function logTime(openedAt: number, monotonic: () => number): () => number {
  const opened = monotonic()
  return () => openedAt + monotonic() - opened
}
