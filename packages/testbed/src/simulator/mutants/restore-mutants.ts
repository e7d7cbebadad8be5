import { type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('joins')

const RESTORE = 'core/src/task/restore.ts'
const TASK_STATE = 'core/src/task/task-state.ts'
const TASK_STORE = 'core/src/task/stores/task-store.ts'

/** Mistakes in restoring a task. */
export const RESTORE_MUTANTS: readonly Mutant[] = [
  mutant('a store is opened without replay', TASK_STORE, 'return position.at\n', 'return limit\n'),
  mutant(
    'a store that has lagged for too long is trusted',
    'core/src/changelog/store-position.ts',
    'return Math.abs(now - fresh) <= deleteRetentionMs / 2',
    'return Math.abs(now - fresh) <= Number.MAX_VALUE * deleteRetentionMs',
  ),
  mutant(
    'older changes are applied to a store that is ahead',
    RESTORE,
    'offset >= (startOf.get(store) as number)',
    'offset >= 0 && startOf.size > 0',
  ),
  mutant(
    'only the first batch of the changelog is read',
    'core/src/task/replay.ts',
    'if (batch.next >= to) return',
    'if (batch.next >= 0) return',
  ),
  mutant(
    'the first position wins',
    RESTORE,
    'position = decodePosition(record.value)',
    'position ??= decodePosition(record.value)',
  ),
  mutant(
    'inputs are read from the beginning after a restart',
    'core/src/task/start-of.ts',
    'return position?.inputs[at.topic]?.next ?? (await source.earliestOffset(at))',
    'return position === undefined ? source.earliestOffset(at) : source.earliestOffset(at)',
  ),
  mutant(
    'totals are reset by a restart',
    TASK_STATE,
    'const totals = position?.totals[pipeline.name]',
    "const totals = position?.totals[pipeline.name + '?']",
  ),
  mutant(
    'waiting events are not restored',
    TASK_STATE,
    "if (key.kind === 'waiter') found.push",
    "if (key.kind === 'owner') found.push",
  ),
  mutant(
    'waiting events are restored in the wrong order',
    TASK_STATE,
    'found.sort((a, b) => a.offset - b.offset)',
    'found.sort((a, b) => b.offset - a.offset)',
  ),
  mutant('a table that was not read yet is considered complete', TASK_STATE, 'isKnown: inChangelog,', 'isKnown: true,'),
]
