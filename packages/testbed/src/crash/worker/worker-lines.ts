import type { AppState, Metrics } from '@joinery/core'
import type { StoresAt } from './worker-stores.js'

/** What a worker is started with. */
export interface WorkerOptions {
  /** Of the service. */
  readonly id: string
  /** Of the instance: its client id. */
  readonly name: string
  readonly brokers: readonly string[]
  readonly sessionTimeoutMs: number
  readonly heartbeatMs?: number
  /** How long to wait for an answer of a broker. */
  readonly requestTimeoutMs?: number
  readonly commitEvery?: `${number}ms`
  /** Else in memory. */
  readonly stores?: StoresAt
}

/** How a worker is doing. */
export interface WorkerReport {
  readonly state: AppState
  readonly problems: readonly string[]
  readonly tasks: readonly number[]
  readonly pipelines: Metrics['pipelines']
  readonly gauges: Metrics['gauges']
  /** Bytes. */
  readonly rss: number
}

/** A line that a worker writes to stdout. */
export type WorkerLine =
  | { readonly report: WorkerReport }
  | { readonly event: Readonly<Record<string, unknown>> }
  | { readonly retried: { readonly code: string; readonly message: string } }
  | { readonly tables: Readonly<Record<string, Readonly<Record<string, number>>>> }
  /** It is at the failpoint that it was given, and has a moment to live. */
  | { readonly failpoint: string }
