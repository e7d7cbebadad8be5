import { isJoineryError, JoineryError } from '@joinery/core'

/** What a log is retrying now: reported to its user as it happens, and listed as long as it lasts. */
export class OngoingRetries {
  readonly #listener: ((error: JoineryError) => void) | undefined
  readonly #errors = new Map<string, JoineryError>()
  #isClosed = false

  /** @param listener is called with each error after which something is retried */
  constructor(listener: ((error: JoineryError) => void) | undefined) {
    this.#listener = listener
  }

  /** In words. */
  get problems(): readonly string[] {
    return [...new Set(Array.from(this.#errors.values(), ({ message }) => `retrying after ${message}`))]
  }

  /**
   * An attempt has failed, and another one follows. Final errors are not reported here: they are thrown where they
   * matter.
   *
   * @param what names the operation
   */
  report(what: string, cause: unknown): void {
    if (this.#isClosed) return
    const error = isJoineryError(cause)
      ? cause
      : new JoineryError('LOG_FAILED', String(cause), { cause, retriable: true })
    if (!error.retriable) return
    this.#errors.set(what, error)
    this.#listener?.(error)
  }

  /** The operation has succeeded, or is not retried any more. */
  end(what: string): void {
    this.#errors.delete(what)
  }

  /** Reports nothing any more: what fails now fails because the log is being closed. */
  close(): void {
    this.#isClosed = true
    this.#errors.clear()
  }
}
