import type { History } from './history.js'
import { eachOnce } from './laws/each-once.js'
import { eachStep } from './laws/each-step.js'
import { keptRows, tables } from './laws/kept-rows.js'
import { keyOrder } from './laws/key-order.js'
import { ledger } from './laws/ledger.js'
import { letters } from './laws/letters.js'
import { drained, positions } from './laws/positions.js'
import { rows } from './laws/rows.js'
import type { Violation } from './laws/violation.js'
import { writers } from './laws/writers.js'
import type { Ledger } from './traffic.js'

/** What the checker has to know beside the log. */
export interface Known {
  readonly ledger: Ledger
  /** The tables of all instances at the end, by topic. */
  readonly tables: readonly Readonly<Record<string, Readonly<Record<string, number>>>>[]
}

/** Says which promises a history breaks, after healing and draining. */
export function check(history: History, known: Known): Violation[] {
  return [
    ...eachOnce(history),
    ...eachStep(history),
    ...keyOrder(history),
    ...rows(history),
    ...letters(history),
    ...positions(history),
    ...writers(history),
    ...keptRows(history),
    ...drained(history),
    ...ledger(history, known.ledger),
    ...tables(history, known.tables),
  ]
}
