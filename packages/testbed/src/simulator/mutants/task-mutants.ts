import { type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('joins')

const TABLE_ENDS = 'core/src/task/tables/table-ends.ts'
const CATCH_UP = 'core/src/task/tables/table-catch-up.ts'
const PARTITION_GROUP = 'core/src/task/partition-group.ts'

/** Mistakes in how a task processes its inputs. */
export const TASK_MUTANTS: readonly Mutant[] = [
  {
    name: 'timers run before the tables have caught up',
    workload: 'joins',
    edits: [
      {
        file: TABLE_ENDS,
        find: 'isOpen && tables.includes(table) ?',
        replace: 'tables.includes(table) ?',
      },
      { file: TABLE_ENDS, find: '({ operator, tables, isOpen }) =>', replace: '({ operator, tables }) =>' },
      { file: TABLE_ENDS, find: 'if (index < 0 || !pipeline.isOpen) continue', replace: 'if (index < 0) continue' },
      { file: TABLE_ENDS, find: 'if (!reached.isFirst) await this.#expire', replace: 'await this.#expire' },
    ],
  },
  mutant(
    'the stream does not wait for its tables',
    PARTITION_GROUP,
    "const isLoading = !pipeline.isOpen && pipeline.tables.some(({ plan }) => plan.order === 'table-first')",
    "const isLoading = !pipeline.isOpen && pipeline.tables.some(({ plan }) => plan.order === 'by-timestamp')",
  ),
  mutant(
    'the overlay of a commit in flight is dropped early',
    'core/src/task/commit/uncommitted-work.ts',
    'this.#batches = [this.#current, batch]',
    'this.#batches = [this.#current]',
  ),
  mutant(
    'a decoded row stays cached after it has changed',
    'core/src/task/stores/row-reader.ts',
    'else this.#cache.set(text, row)',
    'else if (!this.#cache.get(text)) this.#cache.set(text, row)',
  ),
  mutant(
    'a tombstone does not delete',
    'core/src/task/row-writer.ts',
    'work.putRow(plan.topic, { key, value, ...(row && { row }) })',
    'if (row !== undefined) work.putRow(plan.topic, { key, value, row })',
  ),
  mutant(
    'records in front of a full wait buffer are skipped',
    PARTITION_GROUP,
    'pipeline.input.advance(consumed)',
    'pipeline.input.advance(Math.max(consumed, records.length))',
  ),
  mutant(
    'an event expires before its table was read to the end',
    CATCH_UP,
    'end.reached(input.next)',
    'end.reached(this.hasCaughtUp ? Number.POSITIVE_INFINITY : input.next)',
  ),
  mutant(
    'an event expires at the last stable offset, before acknowledged rows',
    CATCH_UP,
    "this.hasCaughtUp ? 'high-watermark' : 'last-stable-offset'",
    "'last-stable-offset'",
  ),
  mutant(
    'timestamps are capped by the local clock',
    'core/src/task/task-attempt.ts',
    'new WriteBatch(WAITERS, logTimeMs,',
    'new WriteBatch(WAITERS, now,',
  ),
  mutant(
    'timestamps that brokers reject are kept',
    'core/src/task/commit/write-batch.ts',
    'return this.#logTimeMs()',
    'return this.#logTimeMs() + 1e13',
  ),
]
