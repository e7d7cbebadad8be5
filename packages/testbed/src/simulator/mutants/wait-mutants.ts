import { type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('joins')

const OPERATOR = 'core/src/join/join-operator.ts'

/** Mistakes with waiting events. */
export const WAIT_MUTANTS: readonly Mutant[] = [
  mutant(
    'a waiting event is not written to the changelog',
    OPERATOR,
    'effects.putState(stateKey, stored)',
    'if (record.offset < 0) effects.putState(stateKey, stored)',
  ),
  mutant(
    'a completed wait is not deleted from the changelog',
    OPERATOR,
    'effects.putState(waiterKey(this.plan.name, waiter.record.offset), null)',
    'if (waiter.record.offset < 0) effects.putState(waiterKey(this.plan.name, waiter.record.offset), null)',
  ),
  mutant(
    'an event overtakes waiting events of its key',
    OPERATOR,
    'if (head !== undefined) {',
    'if (head !== undefined && record.offset < 0) {',
  ),
  mutant(
    'a table record wakes the newest event of its key first',
    'core/src/join/wait-buffer.ts',
    '      queue.tail.next = waiter\n      queue.tail = waiter\n',
    '      waiter.behind = queue.head\n      queue.head = waiter\n',
  ),
  mutant(
    'a table record wakes only the first event of its key',
    OPERATOR,
    '      this.#settle(waiter.record, verdict, now - waiter.arrival, effects)\n',
    '      this.#settle(waiter.record, verdict, now - waiter.arrival, effects)\n      return\n',
  ),
  mutant(
    'deadlines count from the timestamp of the event',
    OPERATOR,
    'const stored = encodeWaiter(record, now)',
    'const stored = encodeWaiter(record, (now = Math.min(now, record.timestamp)))',
  ),
  mutant(
    'a full wait buffer accepts one more event',
    OPERATOR,
    'this.#buffer.count >= wait.maxRecords',
    'this.#buffer.count > wait.maxRecords',
  ),
]
