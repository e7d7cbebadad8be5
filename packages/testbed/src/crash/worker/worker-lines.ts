import type { AppState, Metrics } from '@joinery/core'
import type { StoreAddress } from './worker-stores.js'

/** The configuration of a worker. */
export interface WorkerOptions {
  /** The id of the service. */
  readonly id: string
  /** The name of the instance, which is its client id. */
  readonly name: string
  readonly brokers: readonly string[]
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs?: number
  /** The request timeout. */
  readonly requestTimeoutMs?: number
  readonly commitEvery?: `${number}ms`
  /** Default: in-memory stores. */
  readonly stores?: StoreAddress
}

/** The status of a worker. */
export interface WorkerReport {
  readonly state: AppState
  readonly problems: readonly string[]
  readonly tasks: readonly number[]
  readonly pipelines: Metrics['pipelines']
  readonly gauges: Metrics['gauges']
  /** Resident memory in bytes. */
  readonly rss: number
}

/** A line that a worker writes to stdout. */
export type WorkerLine =
  | { readonly report: WorkerReport }
  | { readonly event: Readonly<Record<string, unknown>> }
  | { readonly retried: { readonly code: string; readonly message: string } }
  | { readonly tables: Readonly<Record<string, Readonly<Record<string, number>>>> }
  /** The worker has reached its failpoint, and is about to be killed. */
  | { readonly failpoint: string }
