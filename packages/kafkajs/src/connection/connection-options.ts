import type { Clock } from '@joinery/core'
import type { Api } from '../protocol/api.js'

/** Options of a connection. */
export interface ConnectionOptions {
  readonly clock: Clock
  /** How long a broker may take to respond, before the connection is closed. */
  readonly timeoutMs: number
  /** APIs that every broker must support. */
  readonly required: readonly Api[]
  readonly listener: ConnectionListener
  /** Until when the broker throttles the previous connection, in monotonic milliseconds: only the negotiation is sent before. */
  readonly throttledUntil: number
  /** Closes the connection when it aborts. */
  readonly signal: AbortSignal
}

/** Receives the observations of a connection. */
export interface ConnectionListener {
  /**
   * A response is overdue. Called about once a second while one is.
   *
   * @param waitedSince when the request was sent, or when the broker read from the connection again after a throttle time
   */
  overdue(api: string, waitedSince: number, sentAt: number): void
  /** The broker has responded to a request that it could read from then on, in monotonic milliseconds. */
  responded(waitedSince: number): void
  /** This client has exceeded a quota: for this long nothing is sent on the connection. */
  throttled(throttleTimeMs: number): void
  /** The connection has ended: no response is awaited on it. */
  ended(): void
}
