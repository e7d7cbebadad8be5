const FIRST_BYTES = 48 * 2 ** 10
const LARGEST_BYTES = 4 * 2 ** 20
const GROWTH = 2
/** A transaction of this fraction of the limit counts as full: the limit applies to upper bounds of the sizes of records. */
const FULL_FRACTION = 0.25
/** A transaction should complete within this fraction of its timeout. */
const TIMEOUT_FRACTION = 0.5
/** By default, brokers average a client's rate over this time. After a pause, it may write a burst without being throttled. */
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
  /** The bytes that it wrote. */
  readonly bytes: number
  /** How long it took, without throttle times, in milliseconds. */
  readonly tookMs: number
  /** For how long the brokers throttled the client because of it, in milliseconds. */
  readonly throttledMs: number
  /** In monotonic milliseconds. */
  readonly endedAt: number
}

/**
 * How large a transaction may be so that it completes before it times out. A client learns its quota only by exceeding it. So the
 * first transaction is small, and the next ones grow as long as none is throttled. After that, the limit is what can be written in
 * half of the timeout at the rate of the last throttled transaction. It grows again only once more was written without being
 * throttled than that rate explains, even after a pause: then the quota has been raised.
 */
export class TransactionSize {
  readonly #timeoutMs: number
  #maxBytes = FIRST_BYTES
  /** The rate of the last throttled transaction; `undefined` if none was throttled. */
  #bytesPerMs: number | undefined
  /** The bytes that were written in excess of that rate. */
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
    this.#recordUnthrottled(bytes, elapsedMs)
    // a small transaction does not show that a larger one would not be throttled
    if (bytes < this.#maxBytes * FULL_FRACTION) return
    this.#maxBytes = Math.max(this.#maxBytes, Math.min(this.#maxBytes * GROWTH, LARGEST_BYTES, this.#atRate))
  }

  /** The bytes that can be written in time at the known rate. */
  get #atRate(): number {
    return (this.#bytesPerMs ?? Number.POSITIVE_INFINITY) * this.#timeoutMs * TIMEOUT_FRACTION
  }

  /** A transaction was not throttled: together with the previous ones, it may show that the quota has been raised. */
  #recordUnthrottled(bytes: number, elapsedMs: number): void {
    if (this.#bytesPerMs === undefined) return
    this.#surplus = Math.max(0, this.#surplus - elapsedMs * this.#bytesPerMs) + bytes
    if (this.#surplus <= this.#bytesPerMs * QUOTA_WINDOW_MS) return
    this.#bytesPerMs *= RATE_GROWTH
    this.#surplus = 0
  }
}
