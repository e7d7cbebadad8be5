import { JoineryError } from '../../errors.js'
import type { TaskStore } from '../stores/task-store.js'
import type { TaskSetup } from '../task-state.js'
import { TableCapacity } from './table-capacity.js'

/** What the capacity of a table is created from. */
type CapacitySetup = Pick<TaskSetup, 'bounds' | 'partition' | 'pausedTables' | 'tableChanged'>

/**
 * @param wake called when there may be room
 * @returns the capacity of a table; `undefined` if its size is not bounded
 * @throws JoineryError `OPTION_INVALID` if the store does not know its size
 */
export function capacityOf(
  { bounds, partition, pausedTables, tableChanged }: CapacitySetup,
  topic: string,
  { rows, storedBytes }: Pick<TaskStore, 'rows' | 'storedBytes'>,
  wake: () => void,
): TableCapacity | undefined {
  if (!bounds.bounds(topic)) return undefined
  if (storedBytes === undefined)
    throw new JoineryError(
      'OPTION_INVALID',
      `table ${topic} has a bound, but its store does not know its storedBytes: remove maxBytes and maxTableBytes, or use a store that knows them`,
      { topic, partition },
    )
  return new TableCapacity({
    topic,
    bounds,
    rows,
    wake,
    changed: (full) => {
      // a task that is reopened finds the table full again
      const wasPaused = pausedTables.has(topic)
      if (full === undefined) pausedTables.delete(topic)
      else pausedTables.add(topic)
      if (full !== undefined && !wasPaused) tableChanged({ type: 'table-paused', ...full })
      if (full === undefined && wasPaused) tableChanged({ type: 'table-resumed', table: topic, task: partition })
    },
  })
}
