import type { Clock, Timer } from '@joinery/core'
import type { Api, ApiCodec } from '../protocol/api.js'
import { OVERDUE_MS } from './overdue.js'

/** A request that awaits its response. */
export interface PendingRequest {
  readonly resolve: (response: never) => void
  readonly reject: (error: Error) => void
  readonly api: Api
  readonly codec: ApiCodec<Api>
  /** How long the broker may hold the response back, in milliseconds. */
  readonly maxWaitMs: number
  /** How long the broker may take to respond, in milliseconds; default: as long as for all requests. */
  readonly timeoutMs?: number | undefined
  /** In monotonic milliseconds. */
  readonly sentAt: number
}

/** Is called about requests without a response. */
export interface DeadlineListener {
  /**
   * A response is overdue. Called about once a second while one is.
   *
   * @param waitedSince when the request was sent, or when the broker read from the connection again
   */
  overdue(request: PendingRequest, waitedSince: number): void
  /** A request has timed out. */
  timedOut(request: PendingRequest, timeoutMs: number): void
}

const CHECK_MS = 250

/** The requests of one connection that await their responses, each with its deadline. */
export class PendingRequests {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #listener: DeadlineListener
  readonly #pending = new Map<number, PendingRequest>()
  #timer: Timer | undefined
  #checkedAt = 0
  /** Whether the last check was so late that it was omitted. */
  #hasOmitted = false
  #reportedAt = Number.NEGATIVE_INFINITY
  /** Until when the broker reads nothing from the connection, in monotonic milliseconds. */
  #throttledUntil = Number.NEGATIVE_INFINITY

  /** @param timeoutMs how long a broker may take to respond, in addition to a request's `maxWaitMs` */
  constructor(clock: Clock, timeoutMs: number, listener: DeadlineListener) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#listener = listener
  }

  get size(): number {
    return this.#pending.size
  }

  add(id: number, request: PendingRequest): void {
    this.#pending.set(id, request)
    if (this.#timer === undefined) this.#scheduleCheck(request.sentAt)
  }

  /**
   * The broker reads nothing from the connection until then. That delays also the requests that were sent before it said so:
   * it reads one only after the response to the one before, and the throttle time of that (KIP-219).
   */
  throttle(until: number): void {
    this.#throttledUntil = Math.max(this.#throttledUntil, until)
  }

  /** @returns since when a response is awaited from a broker that reads from the connection, in monotonic milliseconds */
  waitedSince({ sentAt }: PendingRequest): number {
    return Math.max(sentAt, this.#throttledUntil)
  }

  /** Removes a request whose response has arrived. */
  take(id: number): PendingRequest | undefined {
    const request = this.#pending.get(id)
    this.#pending.delete(id)
    return request
  }

  /** Ends all requests. */
  reject(error: Error): void {
    this.#timer?.cancel()
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }

  #scheduleCheck(now: number): void {
    this.#checkedAt = now
    this.#timer = this.#clock.setTimeout(this.#check, CHECK_MS)
  }

  /**
   * After a pause of this process, responses may have arrived that it has not read yet: the check is omitted. If the next one is
   * late, too, this process is busy rather than paused: what has arrived is read first.
   */
  readonly #check = (): void => {
    const now = this.#clock.monotonic()
    const isLate = now - this.#checkedAt >= 2 * CHECK_MS
    if (!isLate) this.#checkDeadlines()
    else if (this.#hasOmitted) void this.#clock.yieldToEventLoop().then(this.#checkDeadlines)
    else {
      this.#hasOmitted = true
      this.#continue(now)
    }
  }

  readonly #checkDeadlines = (): void => {
    this.#hasOmitted = false
    const now = this.#clock.monotonic()
    for (const request of this.#pending.values()) {
      const { maxWaitMs } = request
      const timeoutMs = Math.min(request.timeoutMs ?? this.#timeoutMs, this.#timeoutMs)
      const waitedSince = this.waitedSince(request)
      const waitedMs = now - waitedSince - maxWaitMs
      if (waitedMs > timeoutMs) {
        this.#listener.timedOut(request, timeoutMs + maxWaitMs)
        return
      }
      if (waitedMs > OVERDUE_MS && now - this.#reportedAt >= OVERDUE_MS) {
        this.#reportedAt = now
        this.#listener.overdue(request, waitedSince)
      }
    }
    this.#continue(now)
  }

  #continue(now: number): void {
    this.#timer = undefined
    if (this.#pending.size > 0) this.#scheduleCheck(now)
  }
}
