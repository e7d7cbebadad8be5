import { idempotencyKeyOf } from '../../call/call-id.js'
import type { NewClaim } from '../../call/call-operator.js'
import { isNotSent } from '../../call/not-sent.js'
import type { Report } from '../../changelog/report-record.js'
import type { Clock } from '../../clock.js'
import type { CallPlan } from '../../pipeline/call-plan.js'
import { fetchOnce } from './fetch-once.js'

const MAX_REASON = 1_000

/** What {@link runCall} works with. */
export interface RunCallOptions {
  readonly plan: CallPlan
  readonly clock: Clock
  /** Aborts when the call's time is over. It is aborted here once the function has settled: then nothing is sent any more. */
  readonly abort: AbortController
  /** Aborts when the application closes: what has not been sent by then is not sent. */
  readonly closing: AbortSignal
}

/**
 * Runs the user's function for a claim.
 *
 * @returns the outcome of the call, as the claimant reports it; rejects only if what the function threw cannot be described
 */
export async function runCall(
  { id, token, attempt, at, value, info }: NewClaim,
  { plan, clock, abort, closing }: RunCallOptions,
): Promise<Report> {
  const { namespace, sink, call, connectMs, headersMs, bodyMs } = plan
  const { signal } = abort
  const idempotencyKey = idempotencyKeyOf(namespace, id)
  let hasSent = false
  const sending = (): void => {
    hasSent = true
  }
  const fetch = fetchOnce({ idempotencyKey, signal, closing, clock, connectMs, headersMs, bodyMs, sending })
  const inDoubt = (why: string): Report => ({
    token,
    what: 'in-doubt',
    by: 'owner',
    finished: true,
    why: why.slice(0, MAX_REASON),
  })
  let result: unknown
  try {
    result = await call(value, { id, idempotencyKey, attempt, claimedAt: at, record: info, signal, fetch })
  } catch (error) {
    if (!isNotSent(error)) return inDoubt(describe(error))
    return hasSent
      ? inDoubt(`the function threw notSent, but call.fetch had sent a request: ${describe(error)}`)
      : { token, what: 'not-sent', by: 'owner', why: describe(error).slice(0, MAX_REASON) }
  } finally {
    abort.abort(new Error('the call is over')) // a fetch that was not awaited sends nothing any more
  }
  try {
    return { token, what: 'done', by: 'owner', result: sink?.encode.encode(result) }
  } catch (error) {
    return inDoubt(`its result could not be encoded for ${sink?.topic}: ${describe(error)}`)
  }
}

/** What was thrown in words, with the error beneath it: `fetch failed` alone says nothing. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : `${error.message}`
}
