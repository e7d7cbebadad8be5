import { type Canary, canaryOf } from './canary.js'

const canary = canaryOf('calls')

const ABANDONED = 'core/src/task/calls/orphaned-claims.ts'
const CALL_PROCESSOR = 'core/src/task/calls/call-processor.ts'
const OPERATOR = 'core/src/call/call-operator.ts'
const QUEUE = 'core/src/call/call-queue.ts'
const RETENTION = 'core/src/task/calls/call-retention.ts'
const RUNNING = 'core/src/task/calls/call-dispatcher.ts'
const SETTLE = 'core/src/call/settle.ts'

/** Mistakes with calls. */
export const CALL_CANARIES: readonly Canary[] = [
  canary(
    'a claim that nobody answers for is given to somebody else',
    ABANDONED,
    "report: { token, what: 'in-doubt', by: 'owner', finished: false, why }",
    "report: { token, what: 'not-sent', by: 'owner', finished: false, why }",
  ),
  canary(
    'a call is made before its claim is acknowledged',
    RUNNING,
    "for (const claim of claims) this.#held.set(claim.token, { claim, phase: 'sent', report: undefined, isTaken: false })",
    [
      "for (const claim of claims) this.#held.set(claim.token, { claim, phase: 'sent', report: undefined, isTaken: false })",
      'for (const { token } of claims) this.#start(this.#held.get(token) as Held)',
    ].join('\n'),
  ),
  canary(
    'reports and decisions act on whatever claim there is',
    SETTLE,
    "if (call.claim.token !== token) return what === 'done' ? CONTRADICTION : STALE",
    "if (call.claim.token === '') return STALE",
  ),
  canary(
    'a claim is committed without the position of its record',
    'core/src/task/committer.ts',
    'const position = encodePosition({',
    [
      'const known = this as { before?: Map<string, number> }',
      'for (const [topic, offset] of work.isUrgent ? (known.before ?? []) : []) next.set(topic, offset)',
      'known.before = next',
      'const position = encodePosition({',
    ].join('\n'),
  ),
  canary(
    'reports that are read together do not see each other',
    CALL_PROCESSOR,
    'states.set(id, operator.report(id, report, states.get(id), this.#options.now(), work))',
    'operator.report(id, report, states.get(id), this.#options.now(), work)',
  ),
  canary(
    'not-sent is accepted while the claimant may still send',
    'core/src/app/in-doubt-calls.ts',
    'if (isRisky && !finished && !claimantHasEnded)',
    'if (isRisky && finished && claimantHasEnded && false)',
  ),
  canary(
    'a call is forgotten before its repetitions are read',
    RETENTION,
    'const time = this.#end.reached(input.next)',
    'const time = this.#end.reached(Number.MAX_SAFE_INTEGER)',
  ),
  canary(
    'a call is forgotten as soon as it is finished',
    OPERATOR,
    'call.finishedAt + this.plan.retentionMs <= now',
    'call.finishedAt <= now',
  ),
  canary(
    'retention is counted by the clock of the machine',
    'core/src/task/task-attempt.ts',
    'now: logNow, wake',
    'wake',
  ),
  canary(
    'a call is forgotten that has come anew meanwhile',
    RETENTION,
    'if (call !== undefined && operator.isOver(call, sweep.time)) operator.forget(id, work)',
    'operator.forget(id, work)',
  ),
  canary(
    'a claim is used long after it was committed',
    RUNNING,
    'if (mayStart && isFresh) this.#start(held)',
    'if (mayStart) this.#start(held)',
  ),
  canary(
    'a changelog that was cut off is trusted',
    'core/src/task/calls/call-store.ts',
    'if (!isHeld && (found === undefined || word.isLost)) found = word',
    'if (!isHeld && word.isLost) found = word',
  ),
  canary(
    'starts that are refused bring the changelog past what is missing',
    'core/src/task/calls/call-store.ts',
    'const outputs = [wordOf(session, reports, { ...seen, isLost: true })]',
    'const outputs: NewRecord[] = []',
  ),
  canary(
    'claims are forgotten when the task is opened again',
    RUNNING,
    'if (!isThere) this.#held.delete(held.claim.token)',
    'if (isThere || !isThere) this.#held.delete(held.claim.token)',
  ),
  canary(
    'repetitions that are read together do not see each other',
    OPERATOR,
    'const known = taken.get(ask.id) ?? found[i]?.fingerprint',
    'const known = found[i]?.fingerprint',
  ),
  canary(
    'another payload under a known id is taken for a repetition',
    OPERATOR,
    'if (known === fingerprint)',
    'if (known !== undefined)',
  ),
  canary(
    'claims of former owners hold back nothing',
    OPERATOR,
    '    this.queue.enter(id, call)\n    if (call.state',
    "    if (call.state !== 'claimed' || isMine(call.claim.token)) this.queue.enter(id, call)\n    if (call.state",
  ),
  canary('calls are made in the order in which they became ready', QUEUE, 'while (at > 0 && (', 'while (at > 1e9 && ('),
  {
    name: 'a doubt holds back nothing though it should',
    machine: 'calls',
    edits: [
      { file: QUEUE, find: 'if (this.#blocks) this.#hold(call.record.key, 1)', replace: '' },
      { file: QUEUE, find: 'if (this.#blocks) this.#hold(call.record.key, -1)', replace: '' },
    ],
  },
  canary(
    'what became of a call is not told to the next owner',
    RUNNING,
    'if (report === undefined || tell === undefined) return',
    'if (report !== undefined || tell === undefined) return',
  ),
  canary(
    'a call is made that was reported as not sent',
    RUNNING,
    "if (held.phase === 'sent') this.#forget(held)\n      else if",
    "if (held.phase === 'sent') {\n        this.#forget(held)\n        this.#start(held)\n      } else if",
  ),
  canary(
    'a doubt is told again when its claimant has finished',
    SETTLE,
    "{ call: { ...call, finished: true, why }, does: 'nothing' }",
    "{ call: { ...call, finished: true, why }, does: 'surface' }",
  ),
  canary(
    'a result that a former owner reports is not written',
    OPERATOR,
    "if (!('ignored' in settled) && settled.does === 'emit') {",
    "if (!('ignored' in settled) && settled.does === 'emit' && report.by === 'owner') {",
  ),
  canary(
    'a stream stands for ever before what was settled without a call',
    CALL_PROCESSOR,
    'if (calls.isFull && calls.operator.queue.ready',
    'if (calls.isFull && calls.operator.queue.ready > 0 && calls.operator.queue.ready',
  ),
  canary(
    'what came to be due between two looks at the clock is forgotten',
    CALL_PROCESSOR,
    'nextTry(this.#lookedAt)',
    'nextTry(now)',
  ),
  canary(
    'in doubt before the reports are read',
    ABANDONED,
    'const time = this.#end.reached(this.#reports.next)',
    'const time = this.#end.reached(Number.MAX_SAFE_INTEGER)',
  ),
  canary(
    'closed before owners are told',
    'core/src/app/task-manager.ts',
    "if (how === 'close') await Promise.all(this.#calls().map((running) => running.settled()))",
    '',
  ),
]
