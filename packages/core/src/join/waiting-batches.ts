import type { JoinOperator } from './join-operator.js'

/** Keys whose events are evaluated together. */
const BATCH_SIZE = 256

/** @returns the keys of all waiting events, in batches to evaluate */
export function* waitingBatches(operator: JoinOperator): Generator<readonly Uint8Array[], void, void> {
  const keys = operator.waitingKeys()
  for (let i = 0; i < keys.length; i += BATCH_SIZE) yield keys.slice(i, i + BATCH_SIZE)
}

/**
 * Records that a table has been processed to an end offset that was requested at `requestedAt`.
 *
 * @returns the keys whose events are due, in batches: each is evaluated before the next is taken
 */
export function* dueBatches(
  operator: JoinOperator,
  table: number,
  requestedAt: number,
): Generator<readonly Uint8Array[], void, void> {
  for (;;) {
    const due = operator.endOffsetReached(table, requestedAt, BATCH_SIZE)
    if (due.length === 0) return
    yield due
  }
}
