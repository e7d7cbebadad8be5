import { type Edit, type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('joins')

const COMMITTER = 'core/src/task/committer.ts'
const TASK_RUN = 'core/src/task/task-attempt.ts'
const COORDINATOR = 'kafkajs/src/writer/transaction-coordinator.ts'
const PRODUCER = 'kafkajs/src/writer/producer.ts'
const SESSION = 'kafkajs/src/writer/kafka-session.ts'
const WRITE_BATCHES = 'kafkajs/src/writer/write-batches.ts'

const IS_NOT_COMMITTED = "if (result.outcome !== 'committed') return this.#over(whyOf(result))"
/** The committer would refuse the mistake. */
const WITHOUT_CHECK: Edit = {
  file: COMMITTER,
  find: 'if (!NEXT[this.#phase].includes(phase))',
  replace: 'if (phase === undefined)',
}

/** The session does not call itself dead, and the task does not open another. */
const continuesAfter = (outcome: 'unclear' | 'rejected' | 'fenced'): Mutant => ({
  name: `a session continues after ${outcome === 'unclear' ? 'an' : 'a'} ${outcome} commit`,
  workload: 'joins',
  edits: [
    {
      file: COMMITTER,
      find: IS_NOT_COMMITTED,
      replace: `if (result.outcome === '${outcome}') return 'committed'\n    ${IS_NOT_COMMITTED}`,
    },
    WITHOUT_CHECK,
    // a commit is rejected rarely, because the writer retries for long
    ...(outcome === 'rejected'
      ? [{ file: PRODUCER, find: 'const MAX_ATTEMPTS = 100', replace: 'const MAX_ATTEMPTS = 2' }]
      : []),
    {
      file: SESSION,
      find: 'this.#isDead = true\n      return outcomeOf(cause, isSent)',
      replace: `const result = outcomeOf(cause, isSent)\n      this.#isDead = result.outcome !== '${outcome}'\n      return result`,
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
    'const sentAt = this.#state.logTimeMs()',
    'const sentAt = this.#state.logTimeMs()\n    await this.#follow(batch, next, 0, sentAt)',
  ),
  continuesAfter('unclear'),
  continuesAfter('fenced'),
  continuesAfter('rejected'),
  mutant(
    'the committed offset is ahead of the state',
    COMMITTER,
    'if (table?.skippedBefore === undefined) return { id, next }',
    'if (table?.skippedBefore === undefined) return { id, next: next + 1 }',
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
    'a new owner does not fence the previous one',
    COORDINATOR,
    'async init(): Promise<ProducerIdAndEpoch> {',
    [
      'async init(): Promise<ProducerIdAndEpoch> {',
      'const known = (globalThis as { identities?: Map<string, Promise<ProducerIdAndEpoch>> })',
      'known.identities ??= new Map()',
      'const fenced = known.identities.get(this.#id) ?? this.fence()',
      'known.identities.set(this.#id, fenced)',
      'return fenced',
      '}',
      'async fence(): Promise<ProducerIdAndEpoch> {',
    ].join('\n'),
  ),
  mutant(
    'sequence numbers restart within an epoch',
    PRODUCER,
    'if (next.producerId === producerId && next.epoch === epoch) return',
    'if (next.producerId < producerId && next.epoch < epoch) return',
  ),
  mutant(
    'retried batches get new sequence numbers',
    PRODUCER,
    'beforeRetry: () => this.#cluster',
    'beforeRetry: () => (missing.forEach((batch) => this.#close(batch)), this.#cluster)',
  ),
  mutant(
    'the transaction is ended before all batches are acknowledged',
    WRITE_BATCHES,
    'await producer.send(batches)',
    'producer.send(batches).catch(() => {})',
  ),
  mutant(
    'batches of a partition are sent concurrently',
    PRODUCER,
    'if (!now.has(id)) now.set(id, batch)',
    "now.set(id + '/' + now.size, batch)",
  ),
]
