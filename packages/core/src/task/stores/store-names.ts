/** Waiting events. Neither this nor {@link CALLS} is a legal topic name, so they cannot collide with a table's store. */
export const WAITERS = '$waiters'
/** Calls, open and finished. */
export const CALLS = '$calls'
