/** The event behind an output or a dead letter: `application/topic/partition/offset`. */
export const ORIGIN_HEADER = 'joinery-origin'
/** Why a record was dead-lettered. */
export const REASON_HEADER = 'joinery-reason'
/** How long the record had waited, in milliseconds. */
export const AGE_HEADER = 'joinery-age-ms'
/** The table whose row was missing. */
export const TABLE_HEADER = 'joinery-table'
/** The error message. */
export const ERROR_HEADER = 'joinery-error'
/** What a dead letter lacks because its topic does not accept more: `headers`, `headers,value` or `headers,value,key`. */
export const OMITTED_HEADER = 'joinery-omitted'
/** The id of a call in doubt. */
export const CALL_ID_HEADER = 'joinery-call-id'
/** The claim in doubt. */
export const CALL_TOKEN_HEADER = 'joinery-call-token'
/** The claimant, as JSON. */
export const CALL_CLAIMANT_HEADER = 'joinery-call-claimant'
/** `true` if the claimant had reported that it sends nothing more. */
export const CALL_FINISHED_HEADER = 'joinery-call-finished'

/**
 * Every header that Joinery sets. They describe one hop, so the next hop removes them: if an event was once a dead letter, its
 * output is not.
 */
export const JOINERY_HEADERS: ReadonlySet<string> = new Set([
  ORIGIN_HEADER,
  REASON_HEADER,
  AGE_HEADER,
  TABLE_HEADER,
  ERROR_HEADER,
  OMITTED_HEADER,
  CALL_ID_HEADER,
  CALL_TOKEN_HEADER,
  CALL_CLAIMANT_HEADER,
  CALL_FINISHED_HEADER,
])
