import type { Claimant } from '../changelog/call-record.js'
import type { LogRecord, Origin } from '../record.js'

/** A call of which nobody here knows whether its request was made. */
export interface InDoubtCall {
  /** The call. */
  readonly id: string
  /** Its pipeline. */
  readonly pipeline: string
  /** The claim in doubt: a decision is about it, and about no later one. */
  readonly token: string
  /** Who may have made the request. */
  readonly claimant: Claimant
  /** Where the record lies that asked for the call. */
  readonly origin: Origin
  /** The record, as it came. */
  readonly record: LogRecord
  /** Since when it is in doubt, in milliseconds since the epoch. */
  readonly since: number
  /** What is known, in words. */
  readonly reason: string
  /** Whether the claimant has said that it sends nothing more. */
  readonly claimantFinished: boolean
}

/** What a person decided of a call in doubt. */
export type CallDecision<R> = {
  /** Who decides; kept with the decision. */
  readonly decidedBy: string
  /** Why; kept with the decision. */
  readonly reason: string
  /**
   * You have made sure that the claimant's process has ended, and gathered your evidence after that. Where the claimant has
   * not said that it is finished, `'not-sent'` needs it, because a process that was paused may still send; with
   * `whenInDoubt: 'block'` every decision does.
   */
  readonly claimantHasEnded?: boolean
} & (
  | {
      /** The request was made. */
      readonly outcome: 'done'
      /** What is written to the sink; needed if the pipeline has one. */
      readonly result?: R
    }
  | {
      /** The request was not made: the call is made again. */
      readonly outcome: 'not-sent'
    }
  | {
      /** The call is given up. */
      readonly outcome: 'abandoned'
    }
)

/** Calls in doubt, of all instances. */
export interface InDoubtCalls<R> {
  /** What is in doubt now, by reading the application's changelog. */
  list(): AsyncIterable<InDoubtCall>
  /**
   * Decides a doubt. Resolves once the decision is in the log; the task's owner applies it, unless the doubt has been
   * settled meanwhile.
   *
   * @throws JoineryError `CALL_UNDECIDABLE` while the decision could cause a second request, or lacks a result;
   * `ENCODE_FAILED` for a result that the sink does not take; `OPTION_INVALID` for a misspelt property of the decision
   */
  resolve(doubt: InDoubtCall, decision: CallDecision<R>): Promise<void>
}
