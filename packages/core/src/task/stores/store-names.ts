/** Stores beside those of tables. Neither is a legal topic name, so they meet no table's store. */
export const WAITERS = '$waiters'
/** Calls, open and finished. */
export const CALLS = '$calls'
