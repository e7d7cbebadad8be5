/** Which application, topic, partition and offset an output or a dead letter comes from: `application/topic/partition/offset`. */
export const ORIGIN_HEADER = 'joinery-origin'
/** Why a record was dead-lettered. */
export const REASON_HEADER = 'joinery-reason'
/** How long it had waited, in milliseconds. */
export const AGE_HEADER = 'joinery-age-ms'
/** The table whose row was missing. */
export const TABLE_HEADER = 'joinery-table'
/** What went wrong, in words. */
export const ERROR_HEADER = 'joinery-error'
