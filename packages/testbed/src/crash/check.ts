import type { History } from './history.js'
import { acknowledgedEvents } from './laws/acknowledged-events.js'
import { deadLetters } from './laws/dead-letters.js'
import { eachOnce } from './laws/each-once.js'
import { eachStep } from './laws/each-step.js'
import { joinedRows } from './laws/joined-rows.js'
import { keptRows, tables } from './laws/kept-rows.js'
import { keyOrder } from './laws/key-order.js'
import { drained, positions } from './laws/positions.js'
import type { Violation } from './laws/violation.js'
import { writers } from './laws/writers.js'
import type { AcknowledgedEvents } from './traffic.js'

/** What the checker needs in addition to the log. */
export interface Known {
  readonly acknowledged: AcknowledgedEvents
  /** The tables of all instances at the end, by topic. */
  readonly tables: readonly Readonly<Record<string, Readonly<Record<string, number>>>>[]
}

/** Checks a history after healing and draining. */
export function check(history: History, known: Known): Violation[] {
  return [
    ...eachOnce(history),
    ...eachStep(history),
    ...keyOrder(history),
    ...joinedRows(history),
    ...deadLetters(history),
    ...positions(history),
    ...writers(history),
    ...keptRows(history),
    ...drained(history),
    ...acknowledgedEvents(history, known.acknowledged),
    ...tables(history, known.tables),
  ]
}
