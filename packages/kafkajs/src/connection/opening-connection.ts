import { JoineryError } from '@joinery/core'
import type { BrokerConnection } from './broker-connection.js'

/** A connection that is being opened, or is open. */
export class OpeningConnection {
  /** Rejects if it cannot be opened, or is closed before. */
  readonly opened: Promise<BrokerConnection>
  readonly #address: string
  readonly #connecting: Promise<BrokerConnection>
  #fail: (error: JoineryError) => void = () => {}

  constructor(address: string, connecting: Promise<BrokerConnection>) {
    this.#address = address
    this.#connecting = connecting
    this.opened = new Promise((resolve, reject) => {
      this.#fail = reject
      connecting.then(resolve, reject)
    })
  }

  /** Closes it when no response is awaited. */
  retire(): void {
    this.#connecting.then((connection) => connection.retire()).catch(() => {}) // it did not open
  }

  /** Fails the requests whose responses are missing, and those that wait until it is open. */
  close(reason: string): void {
    this.#fail(
      new JoineryError('LOG_FAILED', `connection to broker ${this.#address} lost: ${reason}`, { retriable: true }),
    )
    this.#connecting.then((connection) => connection.close(reason)).catch(() => {}) // it did not open
  }
}
