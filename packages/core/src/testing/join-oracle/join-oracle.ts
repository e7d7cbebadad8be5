import { JoinModel } from './join-model.js'
import type { OracleJoin, OracleStep } from './oracle-history.js'
import type { OracleResult } from './oracle-result.js'

/**
 * Determines what a chain of joins does with a history, step by step and in the simplest way: without stores, batches or
 * transactions, evaluating everything again until nothing changes. Tests compare implementations with it.
 *
 * @returns the outcomes, and the events that still wait
 *
 * @example
 * ```ts
 * const { outcomes, waiting } = joinOracle(
 *   [{ table: 'rows', kind: 'inner', wait: { atMostMs: 100, otherwise: 'drop' } }],
 *   [
 *     { type: 'event', key: 'a', value: 'v' },
 *     { type: 'advance', ms: 40 },
 *     { type: 'row', table: 'rows', key: 'a', value: 'r' },
 *   ],
 * )
 * assert.deepEqual(outcomes, [{ type: 'emit', event: 0, key: 'a', rows: ['r'], ageMs: 40 }])
 * assert.deepEqual(waiting, [])
 * ```
 */
export function joinOracle(joins: readonly OracleJoin[], history: readonly OracleStep[]): OracleResult {
  const model = new JoinModel(joins)
  for (const step of history) model.apply(step)
  return model.result()
}
