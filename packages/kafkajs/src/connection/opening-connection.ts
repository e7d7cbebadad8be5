import { type Clock, JoineryError } from '@joinery/core'
import type { BrokerConnection } from './broker-connection.js'
import type { ConnectionListener } from './connection-options.js'

/** Receives the observations of a connection, from the attempt to open it on. */
export interface OpeningListener extends Omit<ConnectionListener, 'overdue'> {
  /**
   * A response is overdue. Called about once a second while one is, unless the connection was closed.
   *
   * @param since when the first request was made that waits for it: while a connection is being opened, that is earlier
   */
  overdue(api: string, waitedSince: number, since: number): void
}

/** A connection that is being opened, or is open. */
export class OpeningConnection {
  /** Rejects if it cannot be opened, or is closed before. */
  readonly opened: Promise<BrokerConnection>
  readonly #address: string
  readonly #connecting: Promise<BrokerConnection>
  #isOpen = false
  #isClosed = false
  #fail: (error: JoineryError) => void = () => {}

  /** @param connect opens the connection, and notifies the listener */
  constructor(
    address: string,
    clock: Clock,
    listener: OpeningListener,
    connect: (listener: ConnectionListener) => Promise<BrokerConnection>,
  ) {
    this.#address = address
    const startedAt = clock.monotonic()
    this.#connecting = connect({
      ...listener,
      overdue: (api, waitedSince, sentAt) => {
        if (!this.#isClosed) listener.overdue(api, waitedSince, this.#isOpen ? sentAt : startedAt)
      },
    })
    this.opened = new Promise((resolve, reject) => {
      this.#fail = reject
      this.#connecting.then((connection) => {
        this.#isOpen = true
        resolve(connection)
      }, reject)
    })
  }

  /** Closes it when no response is awaited. */
  retire(): void {
    this.#connecting.then((connection) => connection.retire()).catch(() => {}) // it did not open
  }

  /** Fails the requests whose responses are missing, and those that wait until it is open. */
  close(reason: string): void {
    this.#isClosed = true
    this.#fail(
      new JoineryError('LOG_FAILED', `connection to broker ${this.#address} lost: ${reason}`, { retriable: true }),
    )
    this.#connecting.then((connection) => connection.close(reason)).catch(() => {}) // it did not open
  }
}
