import { isJoineryError, JoineryError } from '@joinery/core'

/** The operations that a log is retrying: each failure is reported when it happens, and listed until the operation ends. */
export class OngoingRetries {
  readonly #listener: ((error: JoineryError) => void) | undefined
  readonly #errors = new Map<string, JoineryError>()
  #isClosed = false

  /** @param listener is called with each error after which something is retried */
  constructor(listener: ((error: JoineryError) => void) | undefined) {
    this.#listener = listener
  }

  /** The operations that are being retried, as text. */
  get problems(): readonly string[] {
    return [...new Set(Array.from(this.#errors.values(), ({ message }) => `retrying after ${message}`))]
  }

  /**
   * An attempt has failed, and another one follows. Final errors are not reported here, but thrown by the
   * operation.
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

  /** The operation has succeeded, or is no longer retried. */
  end(what: string): void {
    this.#errors.delete(what)
  }

  /** Stops reporting: from now on, operations fail because the log is being closed. */
  close(): void {
    this.#isClosed = true
    this.#errors.clear()
  }
}
