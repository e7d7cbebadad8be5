const FIRST_BYTES = 48 * 2 ** 10
const LARGEST_BYTES = 4 * 2 ** 20
const GROWTH = 2
/** A transaction of this part of the limit may have filled it: the limit counts the upper bounds of what records take. */
const FULL_SHARE = 0.25
/** A transaction has this part of its timeout to go through. */
const TIMEOUT_SHARE = 0.5
/** Brokers average what a client writes over this time, by default: after a pause, as much passes at once without a throttle time. */
const QUOTA_WINDOW_MS = 11_000
const RATE_GROWTH = 1.25

/** How long the brokers have throttled this client, so far. */
export interface ThrottledTimes {
  /** The sum of all throttle times, in milliseconds. */
  readonly totalMs: number
  /** For how long a throttle time has been running, in milliseconds. */
  readonly passedMs: number
}

/** A transaction that has been committed. */
export interface TransactionTimes {
  /** What it wrote. */
  readonly bytes: number
  /** How long it took, without waits for a quota, in milliseconds. */
  readonly tookMs: number
  /** For how long the brokers throttled the client because of it, in milliseconds. */
  readonly throttledMs: number
  /** In monotonic milliseconds. */
  readonly endedAt: number
}

/**
 * How large a transaction may be, so that it goes through before it times out. A client does not know its quota before
 * it exceeds it. So the first transaction is small, and the next ones grow as long as none is throttled. After that they
 * are as large as goes through in half of the timeout, at the rate of the last throttled one. Larger ones follow only once more
 * has passed than that rate allows, a pause before included: then the quota was raised.
 */
export class TransactionSize {
  readonly #timeoutMs: number
  #maxBytes = FIRST_BYTES
  /** The rate of the last throttled transaction; `undefined` if none was throttled. */
  #bytesPerMs: number | undefined
  /** What has passed beyond that rate. */
  #surplus = 0
  #endedAt = 0

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** The limit for the next transaction. */
  get maxBytes(): number {
    return this.#maxBytes
  }

  committed({ bytes, tookMs, throttledMs, endedAt }: TransactionTimes): void {
    const elapsedMs = endedAt - this.#endedAt
    this.#endedAt = endedAt
    if (throttledMs > 0) {
      this.#bytesPerMs = bytes / (tookMs + throttledMs)
      this.#surplus = 0
      this.#maxBytes = Math.max(1, Math.min(this.#maxBytes, this.#atRate))
      return
    }
    this.#noteFree(bytes, elapsedMs)
    // a small transaction does not show that a larger one would pass
    if (bytes < this.#maxBytes * FULL_SHARE) return
    this.#maxBytes = Math.max(this.#maxBytes, Math.min(this.#maxBytes * GROWTH, LARGEST_BYTES, this.#atRate))
  }

  /** What goes through in time at the known rate. */
  get #atRate(): number {
    return (this.#bytesPerMs ?? Number.POSITIVE_INFINITY) * this.#timeoutMs * TIMEOUT_SHARE
  }

  /** A transaction was not throttled: together with those before it may show that the rate is higher. */
  #noteFree(bytes: number, elapsedMs: number): void {
    if (this.#bytesPerMs === undefined) return
    this.#surplus = Math.max(0, this.#surplus - elapsedMs * this.#bytesPerMs) + bytes
    if (this.#surplus <= this.#bytesPerMs * QUOTA_WINDOW_MS) return
    this.#bytesPerMs *= RATE_GROWTH
    this.#surplus = 0
  }
}
