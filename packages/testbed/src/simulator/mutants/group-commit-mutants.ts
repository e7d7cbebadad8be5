import { type Edit, type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('joins')
const mutantOfCalls = mutantOf('calls')

const GROUP_COMMIT = 'kafkajs/src/writer/group-commit/group-commit.ts'
const OWNERSHIP = 'kafkajs/src/writer/group-commit/changelog-ownership.ts'
const PRODUCERS = 'kafkajs/src/writer/group-commit/instance-producers.ts'
const TASKS = 'kafkajs/src/writer/group-commit/kafka-tasks.ts'
const QUEUE = 'kafkajs/src/writer/group-commit/part-queue.ts'
const SESSIONS = 'kafkajs/src/writer/group-commit/instance-sessions.ts'
const TRANSACTIONAL_PRODUCER = 'kafkajs/src/writer/transactional-producer.ts'
const UNCOMMITTED = 'kafkajs/src/reader/uncommitted-batches.ts'
const BATCHES = 'kafkajs/src/writer/group-commit/transaction-batches.ts'
const BLOCKING = 'kafkajs/src/writer/group-commit/blocking-transaction.ts'

const UNCLEAR = "for (const { resolve } of taken) resolve({ outcome: 'unclear', cause })"

/** The session does not look whether it still owns the task. */
const WITHOUT_CHECK: Edit = {
  file: GROUP_COMMIT,
  find: ': this.#check(producer, batches, parts))',
  replace: ': undefined)',
}

/** Mistakes in the protocol of joint transactions: what its rules prevent. */
export const GROUP_COMMIT_MUTANTS: readonly Mutant[] = [
  mutant(
    'one partition without a leader holds up all tasks',
    QUEUE,
    '    this.putBack(left.filter((queued) => !taken.has(queued)))\n    return [...taken]\n',
    '    const isComplete = left.length === taken.size\n    this.putBack(isComplete ? [] : left)\n    return isComplete ? [...taken] : []\n',
  ),
  mutant(
    'an owner reads its changelog before what precedes OWNER is decided',
    SESSIONS,
    'if (end > offset) return',
    'if (end >= 0) return',
  ),
  mutant(
    'records that a skipped marker left open are not ended',
    SESSIONS,
    'if (await this.#endBlocking({ ...changelog, offset: end }, endedAt === end)) endedAt = end',
    'if (await this.#endBlocking({ ...changelog, offset: end }, false)) endedAt = end',
  ),
  mutant(
    'the last owner is fenced in place of the transaction that holds up the changelog',
    BLOCKING,
    '    const id = first && transactionalIdOf(first.headers)\n',
    [
      '    let id = first && transactionalIdOf(first.headers)',
      '    for await (const { isControl, records } of uncommittedBatches(cluster, { ...range, from: 0, to: offset }))',
      '      for (const { key, headers } of isControl ? [] : records()) if (key?.[1] === 0) id = transactionalIdOf(headers)',
      '',
    ].join('\n'),
  ),
  mutant(
    'a transaction is ended without verifying the membership',
    BLOCKING,
    'await requireMember(verifyMembership)',
    'void [requireMember, verifyMembership]',
  ),
  { name: 'a commit does not look for another owner', workload: 'joins', edits: [WITHOUT_CHECK] },
  {
    name: 'a commit looks for another owner only before it is written',
    workload: 'joins',
    edits: [
      {
        file: OWNERSHIP,
        find: '  /**\n   * Checks the batches of the session',
        replace: [
          '  before(): void {',
          '    const from = (this.#lastOffset ?? -2) + 1',
          '    const isFirst = from < 0',
          '    this.#before = isFirst ? Promise.resolve(false) : this.#mayHoldOwner(from, from + 100_000).catch(() => false)',
          '  }',
          '',
          '  /**',
          '   * Checks the batches of the session',
        ].join('\n'),
      },
      {
        file: GROUP_COMMIT,
        find: '    const unwritten = await',
        replace: '    for (const { ownership } of parts) ownership.before()\n    const unwritten = await',
      },
      {
        file: OWNERSHIP,
        find: '  #lastOffset: number | undefined\n',
        replace: '  #lastOffset: number | undefined\n  #before: Promise<boolean> = Promise.resolve(false)\n',
      },
      { file: OWNERSHIP, find: '    return at < to\n', replace: '    return false\n' },
      {
        file: OWNERSHIP,
        find: "if (this.#lastOffset === undefined) return 'owner'",
        replace: "if (true) return (await this.#before) ? 'superseded' : 'owner'",
      },
      { file: UNCOMMITTED, find: 'throw notReached(range, at)\n    const bytes', replace: 'return\n    const bytes' },
      {
        file: UNCOMMITTED,
        find: '    const before = at\n',
        replace: '    if (bytes.length === 0) return\n    const before = at\n',
      },
    ],
  },
  {
    name: 'an owner that is not committed yet is overlooked',
    workload: 'joins',
    edits: [
      { file: UNCOMMITTED, find: 'ISOLATION_LEVEL.readUncommitted', replace: 'ISOLATION_LEVEL.readCommitted' },
      {
        file: UNCOMMITTED,
        find: '    const before = at\n',
        replace: '    if (bytes.length === 0) return\n    const before = at\n',
      },
      { file: OWNERSHIP, find: '    return at < to\n', replace: '    return false\n' },
    ],
  },
  mutant(
    'a commit that was fenced after EndTxn is taken for not committed',
    GROUP_COMMIT,
    UNCLEAR,
    `if ([47, 48, 49, 90, 120].includes((cause as { code: number }).code)) this.#queue.putBack(taken)\n      else ${UNCLEAR}`,
  ),
  mutant(
    'a transactional id whose last transaction does not end is kept',
    GROUP_COMMIT,
    '    this.#options.producers.retire(written)',
    '    if (written === undefined || written.length > 0) this.#options.producers.retire(written)',
  ),
  mutant(
    'after an unclear commit only the first task is reopened',
    GROUP_COMMIT,
    UNCLEAR,
    "taken[0]?.resolve({ outcome: 'unclear', cause })\n      this.#queue.putBack(taken.slice(1))",
  ),
  mutant(
    'an instance continues after a failure without a heartbeat',
    GROUP_COMMIT,
    'await this.#membership.require()',
    'void this.#membership',
  ),
  mutant('an unclear commit is submitted again', GROUP_COMMIT, UNCLEAR, 'void cause\n      this.#queue.putBack(taken)'),
  mutant(
    'records of the session itself are taken for those of another owner',
    OWNERSHIP,
    'if (!batch.isControl && batch.records().some(this.#isOtherOwner)) return true',
    'if (!batch.isControl) return true',
  ),
  {
    name: 'the transaction is ended before all batches are acknowledged',
    workload: 'joins',
    edits: [
      {
        file: TRANSACTIONAL_PRODUCER,
        find: '    return this.#producer.send(batches, timeoutMs)',
        replace: '    void this.#producer.send(batches, timeoutMs)\n    return new Map()',
      },
      WITHOUT_CHECK,
    ],
  },
  mutant(
    'a transactional id continues after EndTxn was sent twice',
    TRANSACTIONAL_PRODUCER,
    'return this.#isVersion2 || !isRepeated',
    'return this.#isVersion2 || isRepeated !== undefined',
  ),
  {
    name: 'a retired transactional id is used again',
    workload: 'joins',
    edits: [
      { file: PRODUCERS, find: '    this.#forget()\n    void', replace: '    this.#current = undefined\n    void' },
      {
        file: PRODUCERS,
        find: 'void this.#abort(transactionalId, written)',
        replace: 'void [transactionalId, written, this.#abort]',
      },
    ],
  },
  mutant(
    'the transaction of a retired id is not aborted',
    PRODUCERS,
    'void this.#abort(transactionalId, written)',
    'void [transactionalId, written, this.#abort]',
  ),
  mutant(
    'all instances have the same transactional ids',
    TASKS,
    'instance: newInstanceName(),',
    "instance: newInstanceName().slice(0, 0) || 'all',",
  ),
  mutant(
    'a batch with the records of two tasks loses those of one',
    BATCHES,
    '    merged.builder.append(builder)\n    return merged',
    '    return merged',
  ),
  mutantOfCalls(
    'a commit of outputs only does not look for another owner',
    'kafkajs/src/writer/group-commit/kafka-session.ts',
    '(changelog.length > 0 ? changelog : [owner(transactionalId)])',
    'changelog',
  ),
  mutantOfCalls(
    'records whose abort marker was skipped stay open',
    PRODUCERS,
    'if (led.length > 0) await abortHanging(this.#cluster, transactionalId, led, this.#options)',
    '',
  ),
]
