import { type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('joins')

const GROUP = 'core/src/task/partition-group.ts'
const CAPACITY = 'core/src/task/tables/table-capacity.ts'

/** Mistakes with tables that have reached their bound. */
export const BOUND_MUTANTS: readonly Mutant[] = [
  mutant(
    'a full table loses the row that does not fit',
    GROUP,
    'if (fitting === 0) return this.#hold(table)',
    'if (fitting === 0) {\n        take.advance(1)\n        batch.touch(this.#options.monotonic())\n        return true\n      }',
  ),
  {
    name: 'a full table lets events expire',
    workload: 'joins',
    edits: [
      {
        file: 'core/src/task/tables/table-ends.ts',
        find: 'if (this.#group.isHeld) return false',
        replace: 'if (this.#group.isHeld && this.#state.tables.length === 0) return false',
      },
      {
        file: 'core/src/task/tables/table-catch-up.ts',
        find: 'end.reached(input.next)',
        replace: 'end.reached(this.#wasInterrupted ? Number.POSITIVE_INFINITY : input.next)',
      },
    ],
  },
  mutant(
    'a table may exceed its bound',
    CAPACITY,
    'if (total > bytesLeft) break',
    'if (total > bytesLeft + 300) break',
  ),
  mutant(
    'the size of a store in memory does not shrink with deletions',
    'core/src/store/memory/packed-rows.ts',
    'this.#bytes -= key.length + this.#lengthOf(before)',
    'if (key.length < 0) this.#bytes -= key.length + this.#lengthOf(before)',
  ),
]
