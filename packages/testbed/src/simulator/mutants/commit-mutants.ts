import { type Edit, type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('joins')

const COMMITTER = 'core/src/task/commit/committer.ts'
const TASK_RUN = 'core/src/task/task-attempt.ts'
const PRODUCER = 'kafkajs/src/writer/producer.ts'
const SESSION = 'kafkajs/src/writer/group-commit/kafka-session.ts'

const IS_NOT_COMMITTED = "if (result.outcome !== 'committed') {"
/** The committer would refuse the mistake. */
const WITHOUT_CHECK: Edit = {
  file: COMMITTER,
  find: 'if (!NEXT[this.#phase].includes(phase))',
  replace: 'if (phase === undefined)',
}

/** The session does not call itself dead, and the task does not open another. */
const continuesAfter = (outcome: 'unclear' | 'rejected'): Mutant => ({
  name: `a session continues after ${outcome === 'unclear' ? 'an' : 'a'} ${outcome} commit`,
  workload: 'joins',
  edits: [
    {
      file: COMMITTER,
      find: IS_NOT_COMMITTED,
      replace: `if (result.outcome === '${outcome}') return 'committed'\n    ${IS_NOT_COMMITTED}`,
    },
    WITHOUT_CHECK,
    {
      file: SESSION,
      find: '    this.#isClosed = true\n    // the task writes',
      replace: `    this.#isClosed = outcome !== '${outcome}'\n    // the task writes`,
    },
  ],
})

/** Mistakes in commits and transactions. */
export const COMMIT_MUTANTS: readonly Mutant[] = [
  mutant(
    'state is not committed with the position',
    COMMITTER,
    'changelog: [...batch.changelog, { key: POSITION_KEY, value: position }]',
    'changelog: [{ key: POSITION_KEY, value: position }]',
  ),
  mutant(
    'stores are written before the log',
    COMMITTER,
    'const sentAtLogMs = this.#state.logTimeMs()',
    'const sentAtLogMs = this.#state.logTimeMs()\n    await this.#apply(batch, next, 0, sentAtLogMs)',
  ),
  continuesAfter('unclear'),
  continuesAfter('rejected'),
  mutant(
    'the committed offset is ahead of the state',
    COMMITTER,
    '      next,\n      ...(leaderEpoch',
    '      next: next + 1,\n      ...(leaderEpoch',
  ),
  {
    name: 'two commits are in flight at once',
    workload: 'joins',
    edits: [
      {
        file: TASK_RUN,
        find: 'if (this.#committing !== undefined || batch.since === undefined) return',
        replace: 'if (batch.since === undefined) return',
      },
      WITHOUT_CHECK,
    ],
  },
  mutant(
    'sequence numbers restart within an epoch',
    PRODUCER,
    'if (next.producerId === producerId && next.epoch === epoch) return',
    'if (next.producerId < producerId && next.epoch < epoch) return',
  ),
  mutant(
    'retried batches get new sequence numbers',
    PRODUCER,
    'beforeRetry: () =>\n          this.#cluster',
    'beforeRetry: () =>\n          (unacknowledged.forEach((batch) => this.#close(batch)), this.#cluster)',
  ),
  mutant(
    'batches of a partition are sent concurrently',
    PRODUCER,
    'if (round.has(name)) later.push(batch)\n        else round.set(name, batch)',
    "round.set(name + '/' + round.size, batch)",
  ),
]
