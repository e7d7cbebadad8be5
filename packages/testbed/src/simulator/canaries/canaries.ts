import { CALL_CANARIES } from './call-canaries.js'
import { type Canary, canaryOf } from './canary.js'

const canary = canaryOf('joins')

const COMMITTER = 'core/src/task/committer.ts'
const END_PROOFS = 'core/src/task/table-catch-up.ts'
const OPERATOR = 'core/src/join/join-operator.ts'
const PROCESSOR = 'core/src/task/partition-group.ts'
const RESTORE = 'core/src/task/restore.ts'
const TASK_RUN = 'core/src/task/task-attempt.ts'
const TASK_STATE = 'core/src/task/task-state.ts'
const TASK_STORE = 'core/src/task/stores/task-store.ts'
const COORDINATOR = 'kafkajs/src/writer/transaction-coordinator.ts'
const PRODUCER = 'kafkajs/src/writer/producer.ts'
const SESSION = 'kafkajs/src/writer/kafka-session.ts'

const IS_NOT_COMMITTED = "if (result.outcome !== 'committed') return { reopen: whyOf(result) }"

/** The session does not call itself dead, and the task does not open another. */
const goesOnAfter = (outcome: 'unclear' | 'rejected' | 'fenced'): Canary => ({
  name: `a session goes on after a commit that is ${outcome}`,
  machine: 'joins',
  edits: [
    {
      file: COMMITTER,
      find: IS_NOT_COMMITTED,
      replace: `if (result.outcome === '${outcome}') return 'committed'\n    ${IS_NOT_COMMITTED}`,
    },
    {
      file: SESSION,
      find: 'this.#isDead = true\n      return outcomeOf(cause, isSent)',
      replace: `const result = outcomeOf(cause, isSent)\n      this.#isDead = result.outcome !== '${outcome}'\n      return result`,
    },
  ],
})

/** Each of these has to be caught by the simulator. */
export const CANARIES: readonly Canary[] = [
  canary(
    'state is not committed with the position',
    COMMITTER,
    'changelog: [...work.changelog, { key: POSITION_KEY, value: position }]',
    'changelog: [{ key: POSITION_KEY, value: position }]',
  ),
  canary(
    'stores are written before the log',
    COMMITTER,
    'const sentAt = this.#state.logNow()',
    'const sentAt = this.#state.logNow()\n    await this.#follow(work, next, 0, sentAt)',
  ),
  goesOnAfter('unclear'),
  goesOnAfter('fenced'),
  goesOnAfter('rejected'),
  canary(
    'the committed offset is ahead of the state',
    COMMITTER,
    'if (table?.skippedBefore === undefined) return { id, next }',
    'if (table?.skippedBefore === undefined) return { id, next: next + 1 }',
  ),
  canary(
    'two commits are in flight at once',
    TASK_RUN,
    'if (this.#committing !== undefined || work.since === undefined) return',
    'if (work.since === undefined) return',
  ),
  canary(
    'a new owner does not fence the one before',
    COORDINATOR,
    'async init(): Promise<Identity> {',
    [
      'async init(): Promise<Identity> {',
      'const known = (globalThis as { identities?: Map<string, Promise<Identity>> })',
      'known.identities ??= new Map()',
      'const fenced = known.identities.get(this.#id) ?? this.fence()',
      'known.identities.set(this.#id, fenced)',
      'return fenced',
      '}',
      'async fence(): Promise<Identity> {',
    ].join('\n'),
  ),
  canary(
    'sequence numbers begin again within an epoch',
    PRODUCER,
    'if (identity.id === id && identity.epoch === epoch) return',
    'if (identity.id < id && identity.epoch < epoch) return',
  ),
  canary(
    'what is sent again has new sequence numbers',
    PRODUCER,
    'const failures = await this.#attempt(missing)',
    'if (tries > 1) for (const batch of missing) this.#seal(batch)\n      const failures = await this.#attempt(missing)',
  ),
  canary(
    'the end of the transaction is asked for before all is acknowledged',
    SESSION,
    'await producer.send(batches)',
    'producer.send(batches).catch(() => {})',
  ),
  canary(
    'batches of a partition are all sent at once',
    PRODUCER,
    'if (!now.has(id)) now.set(id, batch)',
    "now.set(id + '/' + now.size, batch)",
  ),
  canary('a store is opened without replay', TASK_STORE, 'return position.at\n', 'return limit\n'),
  canary(
    'stores that did not follow for long are trusted',
    'core/src/changelog/store-position.ts',
    'return Math.abs(now - fresh) <= deleteRetentionMs / 2',
    'return Math.abs(now - fresh) <= Number.MAX_VALUE * deleteRetentionMs',
  ),
  canary(
    'older changes are given to a store that is ahead',
    RESTORE,
    'offset >= (startOf.get(store) as number)',
    'offset >= 0 && startOf.size > 0',
  ),
  canary(
    'the changelog is read to its first batch only',
    'core/src/task/replay.ts',
    'if (batch.next >= to) return',
    'if (batch.next >= 0) return',
  ),
  canary(
    'the first position wins',
    RESTORE,
    'position = decodePosition(record.value)',
    'position ??= decodePosition(record.value)',
  ),
  canary(
    'inputs are read from their beginning after a restart',
    'core/src/task/start-of.ts',
    'return position?.inputs[at.topic]?.next ?? (await source.earliest(at))',
    'return position === undefined ? source.earliest(at) : source.earliest(at)',
  ),
  canary(
    'totals begin anew after a restart',
    TASK_STATE,
    'const totals = position?.totals[pipeline.name]',
    "const totals = position?.totals[pipeline.name + '?']",
  ),
  canary(
    'waiting events are not restored',
    TASK_STATE,
    "if (key.kind === 'waiter') found.push",
    "if (key.kind === 'owner') found.push",
  ),
  canary(
    'waiting events are restored in the wrong order',
    TASK_STATE,
    'found.sort((a, b) => a.offset - b.offset)',
    'found.sort((a, b) => b.offset - a.offset)',
  ),
  canary(
    'rows of a table that was not read yet are taken for certain',
    TASK_STATE,
    'isKnown: inChangelog,',
    'isKnown: true,',
  ),
  {
    name: 'timers run before the tables are restored to their end',
    machine: 'joins',
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
  canary(
    'the stream does not wait for its tables',
    PROCESSOR,
    "const isHeld = !pipeline.isOpen && pipeline.tables.some(({ plan }) => plan.start === 'table-first')",
    "const isHeld = !pipeline.isOpen && pipeline.tables.some(({ plan }) => plan.start === 'by-timestamp')",
  ),
  canary(
    'the overlay of a commit in flight is dropped early',
    PROCESSOR,
    'return [this.work, this.inFlight]',
    'return [this.work, undefined]',
  ),
  canary(
    'a row is decoded and kept beyond its change',
    'core/src/task/stores/row-reader.ts',
    'else this.#cache.set(text, row)',
    'else if (!this.#cache.get(text)) this.#cache.set(text, row)',
  ),
  canary(
    'a tombstone does not delete',
    'core/src/task/record-processor.ts',
    'work.put(plan.topic, { key, value, ...(row && { row }) })',
    'if (row !== undefined) work.put(plan.topic, { key, value, row })',
  ),
  canary(
    'records before a full waiting room are passed over',
    PROCESSOR,
    'pipeline.input.advance(consumed)',
    'pipeline.input.advance(Math.max(consumed, records.length))',
  ),
  canary(
    'an event expires though its table was not read to the end',
    END_PROOFS,
    'if (end !== undefined && table.input.next >= end) {',
    'if (end !== undefined && (table.isLoaded || table.input.next >= end)) {',
  ),
  canary(
    'an event expires at the stable end, before what was acknowledged',
    END_PROOFS,
    "table.isLoaded ? 'written' : 'stable'",
    "'stable'",
  ),
  canary(
    'timestamps are held back by the clock of the machine',
    PROCESSOR,
    'return new Work(WAITERS, this.#state.logNow,',
    'return new Work(WAITERS, this.#options.now,',
  ),
  canary(
    'timestamps that brokers refuse are kept',
    'core/src/task/uncommitted-work.ts',
    'return this.#logNow()',
    'return this.#logNow() + 1e13',
  ),
  canary(
    'a waiting event is not written down',
    OPERATOR,
    'effects.change(stateKey, stored)',
    'if (record.offset < 0) effects.change(stateKey, stored)',
  ),
  canary(
    'an event that went is not forgotten',
    OPERATOR,
    'effects.change(waiterKey(this.plan.name, waiter.record.offset), null)',
    'if (waiter.record.offset < 0) effects.change(waiterKey(this.plan.name, waiter.record.offset), null)',
  ),
  canary(
    'an event overtakes those of its key that wait',
    OPERATOR,
    'if (head !== undefined) {',
    'if (head !== undefined && record.offset < 0) {',
  ),
  canary(
    'a wake takes the newest event of a key first',
    'core/src/join/wait-buffer.ts',
    '      queue.tail.behind = waiter\n      queue.tail = waiter\n',
    '      waiter.behind = queue.head\n      queue.head = waiter\n',
  ),
  canary(
    'a wake does not look at the events behind the first',
    OPERATOR,
    '      this.#settle(waiter.record, verdict, now - waiter.arrival, effects)\n',
    '      this.#settle(waiter.record, verdict, now - waiter.arrival, effects)\n      return\n',
  ),
  canary(
    'deadlines count from the timestamp of the event',
    OPERATOR,
    'const stored = encodeWaiter(record, now)',
    'const stored = encodeWaiter(record, (now = Math.min(now, record.timestamp)))',
  ),
  canary(
    'a full waiting room takes one more',
    OPERATOR,
    'this.#room.count >= wait.maxRecords',
    'this.#room.count > wait.maxRecords',
  ),
  ...CALL_CANARIES,
]
