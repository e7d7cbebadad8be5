import { type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('joins')

const RESTORE_CHANGELOG = 'core/src/task/restore/restore-changelog.ts'
const RESTORE_TASK = 'core/src/task/restore/restore-task.ts'
const TASK_STORE = 'core/src/task/stores/task-store.ts'

/** Mistakes in restoring a task. */
export const RESTORE_MUTANTS: readonly Mutant[] = [
  mutant('a store is opened without replay', TASK_STORE, 'return position.at\n', 'return limit\n'),
  mutant(
    'a store that has lagged for too long is trusted',
    'core/src/changelog/store-position.ts',
    'return Math.abs(now - caughtUpAt) > deleteRetentionMs / 2',
    'return Math.abs(now - caughtUpAt) > Number.MAX_VALUE * deleteRetentionMs',
  ),
  mutant(
    'older changes are applied to a store that is ahead',
    RESTORE_CHANGELOG,
    'offset >= (startOf.get(store) as number)',
    'offset >= 0 && startOf.size > 0',
  ),
  mutant(
    'only the first batch of the changelog is read',
    'core/src/task/restore/replay.ts',
    'if (batch.next >= to) return',
    'if (batch.next >= 0) return',
  ),
  mutant(
    'the first position wins',
    RESTORE_CHANGELOG,
    'position = decodePosition(record.value)',
    'position ??= decodePosition(record.value)',
  ),
  mutant(
    'inputs are read from the beginning after a restart',
    'core/src/task/restore/start-of.ts',
    'return position?.inputs[at.topic]?.next ?? (await source.earliestOffset(at))',
    'return position === undefined ? source.earliestOffset(at) : source.earliestOffset(at)',
  ),
  mutant(
    'totals are reset by a restart',
    RESTORE_TASK,
    'const totals = position?.totals[pipeline.name]',
    "const totals = position?.totals[pipeline.name + '?']",
  ),
  mutant(
    'waiting events are not restored',
    RESTORE_TASK,
    "if (key.kind === 'waiter') found.push",
    "if (key.kind === 'owner') found.push",
  ),
  mutant(
    'waiting events are restored in the wrong order',
    RESTORE_TASK,
    'found.sort((a, b) => a.offset - b.offset)',
    'found.sort((a, b) => b.offset - a.offset)',
  ),
  mutant(
    'a table that was not read yet is considered complete',
    'core/src/task/tables/table-catch-up.ts',
    'return this.#options.inChangelog || this.hasCaughtUp',
    'return this.#options.inChangelog || true',
  ),
]
