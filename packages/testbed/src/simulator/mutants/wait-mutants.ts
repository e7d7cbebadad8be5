import { type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('joins')

const BUFFER = 'core/src/join/wait-buffer.ts'
const OPERATOR = 'core/src/join/join-operator.ts'
const WAITING = 'core/src/join/waiting-events.ts'

/** Mistakes with waiting events. */
export const WAIT_MUTANTS: readonly Mutant[] = [
  mutant(
    'a waiting event is not written to the changelog',
    WAITING,
    'effects.putState(stateKey, stored)',
    'if (record.offset < 0) effects.putState(stateKey, stored)',
  ),
  mutant(
    'a completed wait is not deleted from the changelog',
    WAITING,
    'effects.putState(waiterKey(this.#plan.name, record.offset), null)',
    'if (record.offset < 0) effects.putState(waiterKey(this.#plan.name, record.offset), null)',
  ),
  mutant(
    'an event overtakes waiting events of its key',
    OPERATOR,
    'if (head !== undefined) {',
    'if (head !== undefined && record.offset < 0) {',
  ),
  mutant(
    'a table record wakes the newest event of its key first',
    BUFFER,
    '      queue.tail.next = waiter\n      queue.tail = waiter\n',
    '      waiter.behind = queue.head\n      queue.head = waiter\n',
  ),
  mutant(
    'a table record wakes only the first event of its key',
    OPERATOR,
    '      recordOutcome(this.#destination, waiter.record, result, now - waiter.arrival, effects)\n',
    '      recordOutcome(this.#destination, waiter.record, result, now - waiter.arrival, effects)\n      return undefined\n',
  ),
  mutant(
    'deadlines count from the timestamp of the event',
    WAITING,
    'const stored = encodeWaiter(record, now)',
    'const stored = encodeWaiter(record, (now = Math.min(now, record.timestamp)))',
  ),
  mutant('a full wait buffer accepts one more event', BUFFER, 'this.#count >= maxRecords', 'this.#count > maxRecords'),
]
