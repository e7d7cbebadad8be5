import fc from 'fast-check'
import type { OracleJoin, OracleStep } from '../../src/testing.js'

/** A step of a history that also says how the application restarts, which makes no difference to the oracle. */
export type HistoryStep =
  | Exclude<OracleStep, { type: 'restart' }>
  | { readonly type: 'restart'; readonly how: 'clean' | 'crash' }

const key = fc.constantFrom('a', 'b', 'c')
const table = fc.constantFrom('left', 'right')
const row = fc.option(fc.constantFrom('r1', 'r2', 'not ready'), { freq: 4, nil: null })
const value = fc.option(fc.constantFrom('v1', 'v2'), { freq: 12, nil: null })

/** Rows, events, passing time and restarts, in any order. */
export const histories: fc.Arbitrary<readonly HistoryStep[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ type: fc.constant('row' as const), table, key, value: row }) },
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant('event' as const),
        key: fc.option(key, { freq: 15, nil: null }),
        value,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ type: fc.constant('advance' as const), ms: fc.constantFrom(1, 40, 100, 101, 250) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constant('restart' as const),
        how: fc.constantFrom('clean' as const, 'crash' as const),
      }),
    },
  ),
  { minLength: 1, maxLength: 40 },
)

const ready = (value: string): boolean => value !== 'not ready'

const wait = fc.record(
  {
    atMostMs: fc.constantFrom(0, 100, 250),
    ready: fc.constant(ready),
    maxRecords: fc.constantFrom(1, 2, 3),
    whenFull: fc.constantFrom('pause' as const, 'dead-letter' as const),
  },
  { requiredKeys: ['atMostMs'] },
)

const join = (table: string): fc.Arbitrary<OracleJoin> =>
  fc.oneof(
    fc.constantFrom<OracleJoin>({ table, kind: 'inner' }, { table, kind: 'left' }),
    wait.map((leftWait): OracleJoin => ({ table, kind: 'left', wait: leftWait })),
    fc
      .tuple(wait, fc.constantFrom('drop' as const, 'dead-letter' as const))
      .map(([innerWait, otherwise]): OracleJoin => ({ table, kind: 'inner', wait: { ...innerWait, otherwise } })),
  )

/** With two waits, semantics leave open whether a full wait buffer counts an event before or after it moves to the next one. */
const isDeterministic = (joins: readonly OracleJoin[]): boolean => {
  const waits = joins.flatMap(({ wait }) => (wait === undefined ? [] : [wait]))
  return waits.every(({ maxRecords, atMostMs }) => maxRecords === undefined || (waits.length === 1 && atMostMs > 0))
}

/** Chains of one or two joins. */
export const chains: fc.Arbitrary<readonly OracleJoin[]> = fc
  .oneof(
    join('left').map((one) => [one]),
    fc.tuple(join('left'), join('right')).map((two) => [...two]),
  )
  .filter(isDeterministic)

/**
 * Removes from a history the deletion of rows of the first join, on which events that wait for the second join depend. A
 * task that reopens after a failed commit evaluates such events again, and the oracle does not know when that happens.
 *
 * @returns the history without these deletions
 */
export function withoutDeletedRows(
  joins: readonly OracleJoin[],
  history: readonly HistoryStep[],
): readonly HistoryStep[] {
  if (joins.length === 1) return history
  return history.map((step) =>
    step.type === 'row' && step.table === 'left' && (step.value === null || !ready(step.value))
      ? { ...step, value: 'r1' }
      : step,
  )
}
