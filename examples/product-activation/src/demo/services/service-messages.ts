import type { Duration, Metrics } from '@joinery/core'

/** What a service process is started with, as JSON in its first argument. */
export interface ServiceOrder {
  readonly application: string
  readonly brokers: readonly string[]
  /** Of the topics. */
  readonly prefix: string
  readonly role:
    | { readonly service: 'a'; readonly atMost: Duration }
    | { readonly service: 'b'; readonly url: string; readonly timeout: Duration }
}

/** What a service process sends: that it is ready, its metrics when asked and at its end, and what stopped it. */
export type ServiceReport = { readonly ready: true } | { readonly metrics: Metrics } | { readonly failed: string }
