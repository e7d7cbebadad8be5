import { type Mutant, mutantOf } from './mutant.js'

const mutant = mutantOf('calls')

const ORPHANED = 'core/src/task/calls/orphaned-claims.ts'
const CALL_PROCESSOR = 'core/src/task/calls/call-processor.ts'
const OPERATOR = 'core/src/call/call-operator.ts'
const QUEUE = 'core/src/call/call-queue.ts'
const RETENTION = 'core/src/task/calls/call-retention.ts'
const RUNNING = 'core/src/task/calls/call-dispatcher.ts'
const SETTLE = 'core/src/call/settle.ts'

/** Mistakes with calls. */
export const CALL_MUTANTS: readonly Mutant[] = [
  mutant(
    'an orphaned claim is retried by the new owner',
    ORPHANED,
    "{ token, outcome: 'in-doubt', by: 'owner', claimantFinished: false, why }",
    "{ token, outcome: 'not-sent', by: 'owner', claimantFinished: false, why }",
  ),
  mutant(
    'a call is made before its claim is acknowledged',
    RUNNING,
    'this.#claims.set(claim.token, new TrackedClaim(claim))',
    [
      'this.#claims.set(claim.token, new TrackedClaim(claim))',
      'for (const { token } of claims) this.#start(this.#claims.get(token) as TrackedClaim)',
    ].join('\n'),
  ),
  mutant(
    'reports and decisions apply to any claim',
    SETTLE,
    "if (call.claim.token !== token) return outcome === 'done' ? CONTRADICTION : STALE",
    "if (call.claim.token === '') return STALE",
  ),
  mutant(
    'a claim is committed without the position of its record',
    'core/src/task/commit/committer.ts',
    'const position = encodePosition({',
    [
      'const known = this as { before?: Map<string, number> }',
      'for (const [topic, offset] of work.isUrgent ? (known.before ?? []) : []) next.set(topic, offset)',
      'known.before = next',
      'const position = encodePosition({',
    ].join('\n'),
  ),
  mutant(
    'reports of one batch do not see each other',
    CALL_PROCESSOR,
    'states.set(each.id, this.#applyOne(operator, each, states.get(each.id)))',
    'this.#applyOne(operator, each, states.get(each.id))',
  ),
  mutant(
    'not-sent is accepted while the claimant may still send',
    'core/src/app/calls/changelog-calls.ts',
    'if (isRisky && !claimantFinished && !claimantHasEnded)',
    'if (isRisky && finished && claimantHasEnded && false)',
  ),
  mutant(
    'a call is deleted before its duplicates are read',
    RETENTION,
    'const time = this.#end.reached(input.next)',
    'const time = this.#end.reached(Number.MAX_SAFE_INTEGER)',
  ),
  mutant(
    'a call is deleted as soon as it is finished',
    OPERATOR,
    'call.finishedAt + this.plan.retentionMs <= now',
    'call.finishedAt <= now',
  ),
  mutant('retention is measured by the local clock', 'core/src/task/task-attempt.ts', 'now: logTimeMs, wake', 'wake'),
  mutant(
    'a call that was requested again is deleted',
    RETENTION,
    'if (found[i]?.offset === call.offset) operator.forget(id, work.current)',
    'operator.forget(id, work.current)',
  ),
  mutant(
    'a claim is used long after it was committed',
    RUNNING,
    'if (mayStart && this.#isFresh(sentAt)) this.#start(tracked)',
    'if (mayStart) this.#start(tracked)',
  ),
  mutant(
    'a truncated changelog is trusted',
    'core/src/task/calls/call-store.ts',
    'if (!isInChangelog && (found === undefined || isLost)) found = checkpoint',
    'if (!isInChangelog && isLost) found = checkpoint',
  ),
  mutant(
    'repeated starts get past a truncated changelog',
    'core/src/task/calls/call-store.ts',
    'const outputs = [checkpointOf(session, reports, { ...seen, isLost: true })]',
    'const outputs: NewRecord[] = []',
  ),
  mutant(
    'claims are dropped when the task is reopened',
    RUNNING,
    'if (!isThere) this.#claims.delete(tracked.claim.token)',
    'if (isThere || !isThere) this.#claims.delete(tracked.claim.token)',
  ),
  mutant(
    'duplicates of one batch do not see each other',
    OPERATOR,
    'const known = taken.get(call.id) ?? stored?.fingerprint',
    'const known = stored?.fingerprint',
  ),
  mutant(
    'another payload under a known id is treated as a duplicate',
    OPERATOR,
    'if (known === fingerprint)',
    'if (known !== undefined)',
  ),
  mutant(
    'claims of previous owners do not block their key',
    OPERATOR,
    '    this.queue.enter(id, call)\n    if (call.state',
    "    if (call.state !== 'claimed' || isMine(call.claim.token)) this.queue.enter(id, call)\n    if (call.state",
  ),
  mutant('calls are made in the order in which they became ready', QUEUE, 'while (at > 0 && (', 'while (at > 1e9 && ('),
  {
    name: 'a call in doubt does not block its key though it should',
    workload: 'calls',
    edits: [
      { file: QUEUE, find: 'if (this.#blocks) this.#countBusy(call.record.key, 1)', replace: '' },
      { file: QUEUE, find: 'if (this.#blocks) this.#countBusy(call.record.key, -1)', replace: '' },
    ],
  },
  mutant(
    'the outcome of a call is not reported to the next owner',
    RUNNING,
    'if (report === undefined || send === undefined) return',
    'if (report !== undefined || send === undefined) return',
  ),
  mutant(
    'a call that was reported as not sent is made',
    RUNNING,
    "if (tracked.phase === 'committing') this.#release(tracked)\n      else if",
    "if (tracked.phase === 'committing') {\n        this.#start(tracked)\n        this.#report(tracked, { token: tracked.claim.token, outcome: 'not-sent', by: 'owner' })\n      } else if",
  ),
  mutant(
    'a call in doubt is reported again when its claimant has finished',
    SETTLE,
    "{ type: 'update', call: { ...call, claimantFinished: true, why } }",
    "{ type: 'publish', call: { ...call, claimantFinished: true, why } }",
  ),
  mutant(
    'a result that a previous owner reports is not written',
    OPERATOR,
    "if (settled.type === 'emit') {",
    "if (settled.type === 'emit' && report.by === 'owner') {",
  ),
  mutant(
    'a stream stays blocked by calls that were settled without a request',
    CALL_PROCESSOR,
    'if (calls.isFull && calls.operator.queue.ready',
    'if (calls.isFull && calls.operator.queue.ready > 0 && calls.operator.queue.ready',
  ),
  mutant(
    'a retry that becomes due between two reads of the clock is missed',
    CALL_PROCESSOR,
    'nextTry(this.#searchedAt)',
    'nextTry(now)',
  ),
]
