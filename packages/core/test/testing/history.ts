import fc from 'fast-check'
import type { OracleJoin, OracleStep } from '../../src/testing.js'

/** A history that also says how the application is restarted; the oracle sees both the same. */
export type HistoryStep =
  | Exclude<OracleStep, { step: 'restart' }>
  | { readonly step: 'restart'; readonly how: 'clean' | 'crash' }

const key = fc.constantFrom('a', 'b', 'c')
const table = fc.constantFrom('left', 'right')
const row = fc.option(fc.constantFrom('r1', 'r2', 'not ready'), { freq: 4, nil: null })
const value = fc.option(fc.constantFrom('v1', 'v2'), { freq: 12, nil: null })

/** Rows, events, time and restarts, in any order. */
export const histories: fc.Arbitrary<readonly HistoryStep[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ step: fc.constant('row' as const), table, key, value: row }) },
    {
      weight: 6,
      arbitrary: fc.record({
        step: fc.constant('event' as const),
        key: fc.option(key, { freq: 15, nil: null }),
        value,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ step: fc.constant('advance' as const), ms: fc.constantFrom(1, 40, 100, 101, 250) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        step: fc.constant('restart' as const),
        how: fc.constantFrom('clean' as const, 'crash' as const),
      }),
    },
  ),
  { minLength: 1, maxLength: 40 },
)

const ready = (found: string): boolean => found !== 'not ready'

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
    wait.map((of): OracleJoin => ({ table, kind: 'left', wait: of })),
    fc
      .tuple(wait, fc.constantFrom('drop' as const, 'dead-letter' as const))
      .map(([of, otherwise]): OracleJoin => ({ table, kind: 'inner', wait: { ...of, otherwise } })),
  )

/** Where an event goes from one wait to another, whether a full room sees it before or after is open. */
const isDecided = (joins: readonly OracleJoin[]): boolean => {
  const waits = joins.flatMap(({ wait }) => (wait === undefined ? [] : [wait]))
  return waits.every(({ maxRecords, atMostMs }) => maxRecords === undefined || (waits.length === 1 && atMostMs > 0))
}

/** Chains of one or two joins. */
export const chains: fc.Arbitrary<readonly OracleJoin[]> = fc
  .oneof(
    join('left').map((one) => [one]),
    fc.tuple(join('left'), join('right')).map((two) => [...two]),
  )
  .filter(isDecided)

/**
 * The same history without rows that go from under an event that waits further on: the first look after a reopening would
 * see that they are gone, which is right, and is no restart that the oracle knows of.
 */
export function withoutLosses(joins: readonly OracleJoin[], history: readonly HistoryStep[]): readonly HistoryStep[] {
  if (joins.length === 1) return history
  return history.map((step) =>
    step.step === 'row' && step.table === 'left' && (step.value === null || !ready(step.value))
      ? { ...step, value: 'r1' }
      : step,
  )
}
