import { idempotencyKeyOf } from '../../call/call-id.js'
import type { NewClaim } from '../../call/new-claim.js'
import { isNotSent } from '../../call/not-sent.js'
import type { Report } from '../../changelog/report-record.js'
import type { Clock } from '../../clock.js'
import type { CallPlan } from '../../pipeline/call-plan.js'
import { encoded } from '../../serde/serde-result.js'
import type { BlockedRecords } from '../blocked/blocked-records.js'
import { fetchOnce } from './fetch-once.js'
import { WatchedCalls } from './watched-calls.js'

const MAX_REASON = 1_000

/** Options of {@link runCall}. */
export interface RunCallOptions {
  readonly plan: CallPlan
  readonly clock: Clock
  /**
   * Aborted at the call's timeout, and by {@link runCall} once the function has finished: nothing is sent afterwards.
   */
  readonly abort: AbortController
  /** Finds the records for which functions block the event loop. */
  readonly blocked?: BlockedRecords | undefined
  /** Aborts when the application closes: a request that has not been sent by then is not sent. */
  readonly closing: AbortSignal
}

/**
 * Runs the user's function for a claim.
 *
 * @returns the claimant's report of the outcome; rejects only if the thrown value cannot be converted to text
 */
export async function runCall(
  { id, token, attempt, claimedAt, value, info }: NewClaim,
  { plan, clock, abort, blocked, closing }: RunCallOptions,
): Promise<Report> {
  const { namespace, sink, call, connectMs, headersMs, bodyMs } = plan
  const { signal } = abort
  const { partition, offset } = info.origin
  const watched = new WatchedCalls(blocked, partition)
  const idempotencyKey = idempotencyKeyOf(namespace, id)
  let hasSent = false
  const sending = (): void => {
    hasSent = true
  }
  const fetch = fetchOnce({ idempotencyKey, signal, closing, clock, connectMs, headersMs, bodyMs, sending })
  const inDoubt = (why: string): Report => ({
    token,
    outcome: 'in-doubt',
    by: 'owner',
    claimantFinished: true,
    why: why.slice(0, MAX_REASON),
  })
  let result: unknown
  try {
    const context = { id, idempotencyKey, attempt, claimedAt, record: info, signal, fetch }
    result = await watched.measured(plan, offset, 'the call function', () => call(value, context))
  } catch (error) {
    if (!isNotSent(error)) return inDoubt(describe(error))
    return hasSent
      ? inDoubt(`the function threw notSent, but call.fetch had sent a request: ${describe(error)}`)
      : { token, outcome: 'not-sent', by: 'owner', why: describe(error).slice(0, MAX_REASON) }
  } finally {
    abort.abort(new Error('the call is over')) // a fetch that was not awaited can no longer send
  }
  try {
    const encode = () => sink && encoded(sink.encode.encode(result))
    return { token, outcome: 'done', by: 'owner', result: watched.measured(plan, offset, 'the encoder', encode) }
  } catch (error) {
    return inDoubt(`its result could not be encoded as a value of ${sink?.topic}: ${describe(error)}`)
  }
}

/** The thrown error as text, with the message of its cause, because `fetch failed` alone does not say why. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : `${error.message}`
}
