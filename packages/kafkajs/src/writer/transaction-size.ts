const FIRST_BYTES = 48 * 2 ** 10
const LARGEST_BYTES = 4 * 2 ** 20
const GROWTH = 2
/** A transaction of this part of the limit may have filled it: the limit counts the upper bounds of what records take. */
const FULL_SHARE = 0.25
/** A transaction has this part of its timeout to go through. */
const TIMEOUT_SHARE = 0.5

/** A transaction that has been committed. */
export interface TransactionTimes {
  /** What it wrote. */
  readonly bytes: number
  /** How long it took, without waits for a quota, in milliseconds. */
  readonly tookMs: number
  /** For how long the brokers throttled the client because of it, in milliseconds. */
  readonly throttledMs: number
}

/**
 * How large a transaction may be, so that it goes through before it times out. A client does not know its quota before
 * it exceeds it. So the first transaction is small, and the next ones grow as long as none is throttled. After that they
 * are as large as goes through in half of the timeout, at the rate of the last throttled one.
 */
export class TransactionSize {
  readonly #timeoutMs: number
  #maxBytes = FIRST_BYTES

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** The limit for the next transaction. */
  get maxBytes(): number {
    return this.#maxBytes
  }

  committed({ bytes, tookMs, throttledMs }: TransactionTimes): void {
    if (throttledMs === 0) {
      // a small transaction does not show that a larger one would pass
      if (bytes >= this.#maxBytes * FULL_SHARE) this.#maxBytes = Math.min(this.#maxBytes * GROWTH, LARGEST_BYTES)
      return
    }
    const bytesPerMs = bytes / (tookMs + throttledMs)
    this.#maxBytes = Math.max(1, Math.min(this.#maxBytes, bytesPerMs * this.#timeoutMs * TIMEOUT_SHARE))
  }
}
