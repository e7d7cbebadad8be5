import { JoineryError } from '../errors.js'
import type { FailedCommit } from './commit/committer.js'

const INITIAL_BACKOFF_MS = 100
const MAX_BACKOFF_MS = 5_000
/** How often the delay between two attempts is doubled. */
const MAX_DOUBLINGS = 6

/** The delay between two attempts to open a task: it doubles with each attempt, until a commit succeeds. */
export class ReopenBackoff {
  #attempts = 0
  #until = 0

  /** No attempt starts before this, in monotonic milliseconds. */
  get until(): number {
    return this.#until
  }

  /**
   * Counts a failed attempt.
   *
   * @returns the delay before the next attempt in milliseconds, and whether this is the first failure since the last
   * commit
   */
  failed(): { readonly ms: number; readonly isFirst: boolean } {
    const ms = Math.min(INITIAL_BACKOFF_MS * 2 ** Math.min(this.#attempts, MAX_DOUBLINGS), MAX_BACKOFF_MS)
    return { ms, isFirst: this.#attempts++ === 0 }
  }

  /** Sets {@link until}. */
  waitUntil(monotonic: number): void {
    this.#until = monotonic
  }

  /** Called when a commit has succeeded, or the cause of the failures may have ended. */
  reset(): void {
    this.#attempts = 0
    this.#until = 0
  }
}

/**
 * @returns the error to report when a task is reopened although no error was thrown, such as after a second rejected commit: that of
 * the store that has to be restored, if there is one
 */
export const reopenedRepeatedly = (
  { reason, error }: Partial<Pick<FailedCommit, 'reason' | 'error'>>,
  partition: number,
): JoineryError =>
  error ?? new JoineryError('LOG_FAILED', `the task was reopened repeatedly: ${reason}`, { retriable: true, partition })
