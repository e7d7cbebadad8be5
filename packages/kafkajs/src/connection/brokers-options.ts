import type { BrokerAddress } from '../broker-address.js'
import type { Api } from '../protocol/api.js'
import type { ClusterOptions } from './cluster-options.js'

/** A broker, as the cluster describes it. */
export interface ClusterBroker extends BrokerAddress {
  readonly nodeId: number
}

/** How the brokers of one cluster are used. */
export interface BrokersOptions extends ClusterOptions {
  /** APIs that every broker must support. */
  readonly required: readonly Api[]
  /** Aborts when the client is closed. */
  readonly closed: AbortSignal
  /** A broker does not respond. Called about once a second while that is so, with the time of the request. */
  readonly onUnresponsive: (node: number, sentAt: number) => void
}

/** How a request is sent to which any broker can respond. */
export interface AnyOptions {
  /** The purpose of the connection. */
  readonly channel?: string
  /** The broker that gets the request first. */
  readonly preferred?: number | undefined
  /** The broker that gets the request last. */
  readonly last?: number | undefined
}

/** The response to a request to which any broker can respond. */
export interface AnyResponse<T> {
  readonly response: T
  /** The broker that has responded. */
  readonly node: number
}
