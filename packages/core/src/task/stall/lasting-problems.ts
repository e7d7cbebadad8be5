import type { InputPartition } from '../input-partition.js'
import type { PendingStoreCall } from '../stores/pending-store-calls.js'

/** A store that does not respond for this long is a problem. */
const SLOW_STORE_MS = 5_000
/** A commit that takes this long is a problem. */
const SLOW_COMMIT_MS = 5_000
/** A transaction that is open for this long is a problem. */
const LONG_TRANSACTION_MS = 10_000

/**
 * The problems of a task that are normal for a short time, as text: a store that does not respond, and transactions of other
 * producers that hold up inputs.
 *
 * @param now monotonic milliseconds
 * @param atMostMs after this time they are problems in any case
 */
export function lastingProblems(
  inputs: readonly InputPartition[],
  storeCall: PendingStoreCall | undefined,
  now: number,
  atMostMs: number,
): string[] {
  const problems: string[] = []
  if (storeCall !== undefined && now - storeCall.since >= Math.min(SLOW_STORE_MS, atMostMs)) {
    const { what, since } = storeCall
    problems.push(
      `waiting for ${what}, which has taken ${seconds(now - since)}: check the service or the disk behind it`,
    )
  }
  for (const { topic, partition, openTransaction } of inputs) {
    if (openTransaction === undefined) continue
    const { offset, heldOffsets, since } = openTransaction
    if (now - since < Math.min(LONG_TRANSACTION_MS, atMostMs)) continue
    const count = `${heldOffsets} offset${heldOffsets === 1 ? '' : 's'}`
    problems.push(
      `a transaction of another producer has been open for ${seconds(now - since)} at offset ${offset} of ${topic}[${partition}], and ${count} cannot be read before it ends: if its producer is gone, run kafka-transactions.sh --bootstrap-server BROKERS abort --topic ${topic} --partition ${partition} --start-offset ${offset}`,
    )
  }
  return problems
}

/** A commit that has not returned. */
export interface PendingCommit {
  readonly partition: number
  /** In monotonic milliseconds. */
  readonly since: number
}

/** @returns the problem with a commit that takes long, as text; see {@link lastingProblems} */
export function slowCommitProblem({ partition, since }: PendingCommit, now: number, atMostMs: number): string[] {
  if (now - since < Math.min(SLOW_COMMIT_MS, atMostMs)) return []
  return [`task ${partition} waits for its commit, which has taken ${seconds(now - since)}: check the brokers`]
}

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`
