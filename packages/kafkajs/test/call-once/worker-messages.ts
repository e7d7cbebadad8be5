import type { Duration, Health, Metrics, PipelineMetrics } from '@joinery/core'

/** What a worker is told at its start, as JSON. */
export interface WorkerOptions {
  readonly id: string
  readonly brokers: readonly string[]
  readonly clientId: string
  /** The external service. */
  readonly service: string
  readonly timeout: Duration
  /** Whether it shares the tasks with others; alone it never waits for a group. */
  readonly isMember: boolean
}

/** Where a worker asks before it goes on. */
export type Place =
  /** A claim is about to be committed. */
  | 'claim'
  /** A claim is committed, and nobody but the log's session knows. */
  | 'claimed'
  /** The function of a call has begun. */
  | 'call'
  /** The time of a call is over, of one that was to wait for that. */
  | 'too late'
  /** The service has answered. */
  | 'answered'
  /** An outcome is about to be committed. */
  | 'outcome'
  /** An outcome is committed, and nobody but the log's session knows. */
  | 'told'
  /** The end of the reports is asked for. */
  | 'end of reports'
  /** There is something in the reports, to be taken next; with `n`, of a call. */
  | 'reports'

/** What the worker does then. */
export interface Answer {
  /** The commit: it says that it ended like this, whatever has happened. */
  readonly outcome?: 'fenced'
  /** The call: it goes there. */
  readonly url?: string
  /** The call: its body takes so many bytes. */
  readonly bytes?: number
  /** The call: it makes its request after its time. */
  readonly isLate?: boolean
}

/** What a worker tells. */
export type FromWorker =
  | { readonly ask: number; readonly place: Place; readonly n: string }
  | { readonly event: string; readonly about?: unknown }
  | {
      readonly totals: PipelineMetrics | undefined
      /** For people who look for what went wrong. */
      readonly gauges: Metrics['gauges'] | undefined
      readonly health: Health | undefined
    }
  | { readonly failed: string }

/** What it is told: an answer, or to tell its totals. */
export type ToWorker = { readonly ask: number; readonly answer: Answer } | 'totals'
