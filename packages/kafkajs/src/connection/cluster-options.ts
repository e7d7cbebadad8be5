import type { Clock } from '@joinery/core'
import type { BrokerAddress } from '../broker-address.js'
import type { AuthenticatedSocket } from '../kafkajs/socket-opener.js'
import type { OngoingRetries } from './ongoing-retries.js'
import type { Throttling } from './throttling.js'

/** How a cluster is reached. */
export interface ClusterOptions {
  /** Distinguishes the clients of one log in messages. */
  readonly name: string
  readonly clock: Clock
  /** @returns the brokers that are contacted first, to find all others */
  readonly bootstrap: () => Promise<readonly BrokerAddress[]>
  readonly sockets: {
    open(address: BrokerAddress): Promise<AuthenticatedSocket>
    close(): void
  }
  /** How long a broker may take to respond. */
  readonly requestTimeoutMs: number
  readonly connectRetry: ConnectRetry
  /** Receives the failures to connect that are retried. */
  readonly retries: OngoingRetries
  readonly throttling: Throttling
}

/** How often the cluster is looked for, and the pauses between attempts. */
export interface ConnectRetry {
  readonly initialRetryTime: number
  readonly maxRetryTime: number
  readonly retries: number
}
