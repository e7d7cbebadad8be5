import type { Claimant, StoredInDoubtCall } from '../changelog/call-record.js'
import { CALL_CLAIMANT_HEADER, CALL_FINISHED_HEADER, CALL_ID_HEADER, CALL_TOKEN_HEADER } from '../outcome/headers.js'
import type { Headers } from '../record.js'

/** @returns the headers of a call in doubt, in addition to those of a dead letter */
export function inDoubtHeaders(id: string, { claim, claimantFinished }: StoredInDoubtCall): Headers {
  return [
    [CALL_ID_HEADER, Buffer.from(id)],
    [CALL_TOKEN_HEADER, Buffer.from(claim.token)],
    [CALL_CLAIMANT_HEADER, Buffer.from(JSON.stringify(claim.claimant))],
    [CALL_FINISHED_HEADER, Buffer.from(String(claimantFinished))],
  ]
}

/** A record of the topic of calls in doubt. */
export interface InDoubtInfo {
  /** The id of the call. */
  readonly id: string
  /** The claim in doubt; decisions name it. */
  readonly token: string
  /** The process that may have made the request. */
  readonly claimant: Claimant
  /** Whether the claimant had reported, when the record was written, that it sends nothing more. */
  readonly claimantFinished: boolean
}

/**
 * Reads the headers of a call in doubt.
 *
 * @returns the id of the call, its claim and its claimant; `undefined` if the record is not a call in doubt
 *
 * @example
 * ```ts
 * for await (const { headers } of consume(log, notifications.named('service-b.in-doubt'), { until: 'end' })) {
 *   const info = inDoubtInfo(headers)
 *   if (info !== undefined) console.log(info.id, info.claimant.host)
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
    return {
      id,
      token,
      claimant: JSON.parse(claimant) as Claimant,
      claimantFinished: text(CALL_FINISHED_HEADER) === 'true',
    }
  } catch {
    return undefined // another program has written headers of the same name
  }
}
