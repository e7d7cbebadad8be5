import { type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('joins')

const END_PROOFS = 'core/src/task/table-catch-up.ts'
const PROCESSOR = 'core/src/task/partition-group.ts'

/** Mistakes in how a task processes its inputs. */
export const TASK_MUTANTS: readonly Mutant[] = [
  {
    name: 'timers run before the tables have caught up',
    workload: 'joins',
    edits: [
      {
        file: END_PROOFS,
        find: 'const deadline = isOpen && tables.includes',
        replace: 'const deadline = tables.includes',
      },
      { file: END_PROOFS, find: 'const { operator, tables, isOpen } of', replace: 'const { operator, tables } of' },
      { file: END_PROOFS, find: 'if (index < 0 || !pipeline.isOpen) continue', replace: 'if (index < 0) continue' },
      { file: END_PROOFS, find: '      table.isKnown = true\n      return\n', replace: '      table.isKnown = true\n' },
    ],
  },
  mutant(
    'the stream does not wait for its tables',
    PROCESSOR,
    "const isHeld = !pipeline.isOpen && pipeline.tables.some(({ plan }) => plan.order === 'table-first')",
    "const isHeld = !pipeline.isOpen && pipeline.tables.some(({ plan }) => plan.order === 'by-timestamp')",
  ),
  mutant(
    'the overlay of a commit in flight is dropped early',
    PROCESSOR,
    'return [this.work, this.inFlight]',
    'return [this.work, undefined]',
  ),
  mutant(
    'a decoded row stays cached after it has changed',
    'core/src/task/stores/row-reader.ts',
    'else this.#cache.set(text, row)',
    'else if (!this.#cache.get(text)) this.#cache.set(text, row)',
  ),
  mutant(
    'a tombstone does not delete',
    'core/src/task/record-processor.ts',
    'work.putRow(plan.topic, { key, value, ...(row && { row }) })',
    'if (row !== undefined) work.putRow(plan.topic, { key, value, row })',
  ),
  mutant(
    'records in front of a full wait buffer are skipped',
    PROCESSOR,
    'pipeline.input.advance(consumed)',
    'pipeline.input.advance(Math.max(consumed, records.length))',
  ),
  mutant(
    'an event expires before its table was read to the end',
    END_PROOFS,
    'if (end !== undefined && table.input.next >= end) {',
    'if (end !== undefined && (table.isLoaded || table.input.next >= end)) {',
  ),
  mutant(
    'an event expires at the last stable offset, before acknowledged rows',
    END_PROOFS,
    "table.isLoaded ? 'high-watermark' : 'last-stable-offset'",
    "'last-stable-offset'",
  ),
  mutant(
    'timestamps are capped by the local clock',
    PROCESSOR,
    'return new UncommittedWork(WAITERS, this.#state.logNow,',
    'return new UncommittedWork(WAITERS, this.#options.now,',
  ),
  mutant(
    'timestamps that brokers reject are kept',
    'core/src/task/uncommitted-work.ts',
    'return this.#logNow()',
    'return this.#logNow() + 1e13',
  ),
]
