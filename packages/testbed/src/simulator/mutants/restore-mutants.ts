import { type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('joins')

const RESTORE_CHANGELOG = 'core/src/task/restore/restore-changelog.ts'
const RESTORE_TASK = 'core/src/task/restore/restore-task.ts'
const RESTORE_WAITERS = 'core/src/task/restore/restore-waiters.ts'
const TASK_STORE = 'core/src/task/stores/task-store.ts'

/** Mistakes in restoring a task. */
export const RESTORE_MUTANTS: readonly Mutant[] = [
  mutant('a store is opened without replay', TASK_STORE, 'return position.at\n', 'return limit\n'),
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
    'return position?.inputs[at.topic] ?? {',
    'return (position === undefined ? undefined : undefined) ?? {',
  ),
  mutant(
    'the leader epoch of a position is not kept',
    'core/src/task/commit/committer.ts',
    '...(leaderEpoch !== undefined && { leaderEpoch }),',
    '...(leaderEpoch === -1 && { leaderEpoch }),',
  ),
  mutant(
    'a table is restored to a position that its topic no longer has',
    RESTORE_TASK,
    'if (!(await isLost(',
    'if (next >= 0 || !(await isLost(',
  ),
  mutant(
    'the leader epoch of what was read is not sent with a fetch',
    'kafkajs/src/reader/fetch-session.ts',
    'lastFetchedEpoch: leaderEpoch,',
    'lastFetchedEpoch: Math.min(leaderEpoch, UNKNOWN_EPOCH),',
  ),
  mutant(
    'a former leader is believed when it lacks what was read',
    'kafkajs/src/reader/fetch-outcome.ts',
    'if (isFromCurrentLeader) return',
    'if (isFromCurrentLeader || offset >= 0) return',
  ),
  mutant(
    'totals are reset by a restart',
    RESTORE_TASK,
    'const totals = position?.totals[pipeline.name]',
    "const totals = position?.totals[pipeline.name + '?']",
  ),
  mutant(
    'waiting events are not restored',
    RESTORE_WAITERS,
    "if (key.kind === 'waiter') found.push",
    "if (key.kind === 'owner') found.push",
  ),
  mutant(
    'waiting events are restored in the wrong order',
    RESTORE_WAITERS,
    'found.sort((a, b) => a.offset - b.offset)',
    'found.sort((a, b) => b.offset - a.offset)',
  ),
]
