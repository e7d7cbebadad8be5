import type { CallInDoubt, Claimant } from '../changelog/call-record.js'
import type { Headers } from '../record.js'

/** The call's id. */
export const CALL_ID_HEADER = 'joinery-call-id'
/** The claim in doubt. */
export const CALL_TOKEN_HEADER = 'joinery-call-token'
/** Who holds it, as JSON. */
export const CALL_CLAIMANT_HEADER = 'joinery-call-claimant'
/** `true` if the claimant had said that it sends nothing more. */
export const CALL_FINISHED_HEADER = 'joinery-call-finished'

/** What is told with a call in doubt, beside its record and the reason. */
export function inDoubtHeaders(id: string, { claim, finished }: CallInDoubt): Headers {
  return [
    [CALL_ID_HEADER, Buffer.from(id)],
    [CALL_TOKEN_HEADER, Buffer.from(claim.token)],
    [CALL_CLAIMANT_HEADER, Buffer.from(JSON.stringify(claim.claimant))],
    [CALL_FINISHED_HEADER, Buffer.from(String(finished))],
  ]
}

/** A record of the topic of calls in doubt. */
export interface InDoubtInfo {
  /** The call. */
  readonly id: string
  /** The claim in doubt: decisions name it. */
  readonly token: string
  /** Who may have made the request. */
  readonly claimant: Claimant
  /** Whether the claimant had said, when the record was written, that it sends nothing more. */
  readonly finished: boolean
}

/**
 * Reads the headers of a call in doubt; `undefined` if the record is none.
 *
 * @example
 * ```ts
 * for await (const { headers } of consume(log, notifications.named('service-b.in-doubt'), { until: 'end' })) {
 *   const doubt = inDoubtInfo(headers)
 *   if (doubt !== undefined) console.log(doubt.id, doubt.claimant.host)
 * }
 * ```
 */
export function inDoubtInfo(headers: Headers): InDoubtInfo | undefined {
  const text = (name: string): string | undefined => {
    const value = headers.findLast((header) => header[0] === name)?.[1]
    return value == null ? undefined : Buffer.from(value).toString()
  }
  const [id, token, claimant] = [CALL_ID_HEADER, CALL_TOKEN_HEADER, CALL_CLAIMANT_HEADER].map(text)
  if (id === undefined || token === undefined || claimant === undefined) return undefined
  try {
    return { id, token, claimant: JSON.parse(claimant) as Claimant, finished: text(CALL_FINISHED_HEADER) === 'true' }
  } catch {
    return undefined // somebody else's headers
  }
}
