import type { Api, ReceivedRequestOf, SentResponseOf } from '../../../../kafkajs/src/protocol/api.js'
import type { SimBroker } from './sim-broker.js'
import type { SimCluster } from './sim-cluster.js'

/** Where a request has arrived. */
export interface Receiver {
  readonly cluster: SimCluster
  readonly broker: SimBroker
  /** The process that has sent it. */
  readonly client: string
  /** The version of the request. */
  readonly version: number
}

/** How a broker handles an API. */
export type Handler<A extends Api> = (
  receiver: Receiver,
  request: ReceivedRequestOf<A>,
) => SentResponseOf<A> | Promise<SentResponseOf<A>>

/** @returns an entry of a map of handlers */
export const on = <A extends Api>({ key }: A, handler: Handler<A>): [key: number, handler: Handler<Api>] => [
  key,
  handler as unknown as Handler<Api>,
]
