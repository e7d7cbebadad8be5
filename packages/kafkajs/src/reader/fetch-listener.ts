/** Receives notifications of retries. `what` is `fetch <topic>[<partition>]`, or `fetch` if not even the requests could be prepared. */
export interface FetchListener {
  /** A fetch has failed, and is retried. */
  onRetry(what: string, error: unknown): void
  /** The retries have ended: the fetch has succeeded or failed for good, or its reader was removed. */
  onRetryEnd?(what: string): void
}
