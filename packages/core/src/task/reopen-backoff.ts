const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000
/** How often the time between two attempts is doubled. */
const MAX_DOUBLINGS = 6

/** The time between two attempts to open a task: twice as long after each, until a commit succeeds. */
export class ReopenBackoff {
  #attempts = 0
  #until = 0

  /** No attempt before, in monotonic milliseconds. */
  get until(): number {
    return this.#until
  }

  /**
   * An attempt has failed.
   *
   * @returns how long to wait before the next, in milliseconds, and whether it was the first to fail since the last commit
   */
  failed(): { readonly ms: number; readonly isFirst: boolean } {
    const ms = Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.#attempts, MAX_DOUBLINGS), LAST_RETRY_MS)
    return { ms, isFirst: this.#attempts++ === 0 }
  }

  /** The wait begins. */
  waitUntil(monotonic: number): void {
    this.#until = monotonic
  }

  /** A commit has succeeded, or the reason for the failures may be over. */
  reset(): void {
    this.#attempts = 0
    this.#until = 0
  }
}
