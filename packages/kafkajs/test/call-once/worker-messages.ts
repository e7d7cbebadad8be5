import type { Duration, Health, Metrics, PipelineMetrics } from '@joinery/core'

/** The options of a worker, as JSON. */
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

/** A place where a worker waits for its parent's reply. */
export type Place =
  /** A claim is about to be committed. */
  | 'claim'
  /** A claim is committed, which only the log's session has noticed. */
  | 'claimed'
  /** The function of a call has begun. */
  | 'call'
  /** The timeout of a call has passed, if it was to wait for that. */
  | 'too late'
  /** The service has responded. */
  | 'answered'
  /** An outcome is about to be committed. */
  | 'outcome'
  /** An outcome is committed, which only the log's session has noticed. */
  | 'told'
  /** The end offset of the reports is requested. */
  | 'end of reports'
  /** Records of the reports are about to be returned; with `n`, reports about a call. */
  | 'reports'

/** What the worker does next. */
export interface Answer {
  /** The commit returns this outcome, whatever has happened. */
  readonly outcome?: 'fenced'
  /** The call sends its request to this URL. */
  readonly url?: string
  /** The call has a body of this many bytes. */
  readonly bytes?: number
  /** The call makes its request after its timeout. */
  readonly isLate?: boolean
}

/** The messages from a worker. */
export type FromWorker =
  | { readonly ask: number; readonly place: Place; readonly n: string }
  | { readonly event: string; readonly about?: unknown }
  | {
      readonly totals: PipelineMetrics | undefined
      /** For the analysis of failures. */
      readonly gauges: Metrics['gauges'] | undefined
      readonly health: Health | undefined
    }
  | { readonly failed: string }

/** The messages to a worker: a reply, or a request for its totals. */
export type ToWorker = { readonly ask: number; readonly answer: Answer } | 'totals'
