import type { Duration, Metrics } from '@joinery/core'

/** The options of a service process, as JSON in its first argument. */
export interface ServiceOrder {
  readonly application: string
  readonly brokers: readonly string[]
  /** The prefix of the topics. */
  readonly prefix: string
  readonly role:
    | { readonly service: 'a'; readonly atMost: Duration }
    | { readonly service: 'b'; readonly url: string; readonly timeout: Duration }
}

/** The messages of a service process: that it is ready, its metrics on request and at its end, and the error that stopped it. */
export type ServiceReport = { readonly ready: true } | { readonly metrics: Metrics } | { readonly failed: string }
