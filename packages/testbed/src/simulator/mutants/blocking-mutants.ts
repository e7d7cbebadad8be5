import { type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('joins')
const callMutant = mutantOf('calls')

const BLOCKED_RECORDS = 'core/src/task/blocked/blocked-records.ts'

/** Mistakes with records whose functions block the event loop, and with calls that are in flight when a record halts. */
export const BLOCKING_MUTANTS: readonly Mutant[] = [
  mutant(
    'a function that blocks for the second time is not counted',
    BLOCKED_RECORDS,
    'const isSecond = before.some((each) => each.offset <= offset && offset <= each.lastOffset)',
    'const isSecond = before.some(() => false)',
  ),
  mutant(
    'a block is attributed to the record after it',
    BLOCKED_RECORDS,
    'this.ended(place, offset, offset, longest?.step)',
    'this.ended(place, offset + 1, offset + 1, longest?.step)',
  ),
  mutant(
    'the event loop does not run between the waiting events of a key',
    'core/src/task/record-processor.ts',
    '      if (pause !== undefined) await pause\n      if (this.#hasEnded) break',
    '      if (this.#hasEnded) break',
  ),
  callMutant(
    'the functions before a call are not watched',
    'core/src/task/calls/watched-calls.ts',
    'const watch = blocked.watchOf(place)',
    "const watch = blocked.watchOf({ ...place, topic: '' })",
  ),
  callMutant(
    'a record halts while calls are in flight',
    'core/src/task/task-attempt.ts',
    'this.#work.current.isEmpty && this.#calls?.isAwaiting !== true',
    'this.#work.current.isEmpty',
  ),
]
