import type { Claimant } from '../../changelog/call-record.js'
import type { LogRecord, Origin } from '../../record.js'

/** A call in doubt: it is not known whether its request was made. */
export interface InDoubtCall {
  /** The id of the call. */
  readonly id: string
  /** The name of its pipeline. */
  readonly pipeline: string
  /** The token of the claim in doubt. A decision applies to this claim only, never to a later one. */
  readonly token: string
  /** The process that may have made the request. */
  readonly claimant: Claimant
  /** The origin of the call's record. */
  readonly origin: Origin
  /** The call's record, as it was read. */
  readonly record: LogRecord
  /** Since when the call is in doubt, in milliseconds since the epoch. */
  readonly since: number
  /** What is known about the request, as text. */
  readonly reason: string
  /** Whether the claimant has reported that it sends nothing more. */
  readonly claimantFinished: boolean
}

/** A person's decision about a call in doubt. */
export type CallDecision<R> = {
  /** The name of the person; stored with the decision. */
  readonly decidedBy: string
  /** The reason; stored with the decision. */
  readonly reason: string
  /**
   * Confirms that the claimant's process has ended, and that the decision is based on evidence gathered after that. If
   * the claimant has not reported that it is finished, `'not-sent'` requires it, because a paused process may still
   * send the request; with `whenInDoubt: 'block'` every decision requires it.
   */
  readonly claimantHasEnded?: boolean
} & (
  | {
      /** The request was made. */
      readonly outcome: 'done'
      /** The value to write to the sink; required if the pipeline has one. */
      readonly result?: R
    }
  | {
      /** The request was not made: the call is made again. */
      readonly outcome: 'not-sent'
    }
  | {
      /** The call will not be made. */
      readonly outcome: 'abandoned'
    }
)

/** Calls in doubt, of all instances. */
export interface InDoubtCalls<R> {
  /**
   * Reads the application's changelog.
   *
   * @returns the calls that are in doubt now; the iteration ends after the last one
   */
  list(): AsyncIterable<InDoubtCall>
  /**
   * Resolves a call in doubt. The promise resolves once the decision is in the log; the task's owner applies it, unless
   * the call has been settled in the meantime.
   *
   * @throws JoineryError `CALL_UNDECIDABLE` if the decision could cause a second request, or lacks a result;
   * `ENCODE_FAILED` for a result that the sink's serde cannot encode; `OPTION_INVALID` for a misspelt property of the
   * decision
   */
  resolve(call: InDoubtCall, decision: CallDecision<R>): Promise<void>
}
