// Every interleaving of a few processes around one task, with the real operator in each of the owner's transactions: the broker,
// the processes and the external service are modelled, what happens to a call is not. Bounded by how often each fault may strike.

import { CallOperator } from '../../src/call/call-operator.js'
import { inDoubtInfo } from '../../src/call/in-doubt-headers.js'
import { prepareCall } from '../../src/call/prepare-call.js'
import { type CallState, decodeCall } from '../../src/changelog/call-record.js'
import { parseChangelogKey } from '../../src/changelog/keys.js'
import type { Report } from '../../src/changelog/report-record.js'
import { json, stream, text, topic } from '../../src/index.js'
import type { CallEffects } from '../../src/outcome/effects.js'
import type { CallPlan } from '../../src/pipeline/call-plan.js'
import { planApplication } from '../../src/pipeline/plan.js'
import type { LogRecord } from '../../src/record.js'

/** Faults, and how often each may strike. */
export interface Faults {
  readonly crash: number
  /** A commit is rejected, or ends unclear. */
  readonly commit: number
  /** The group moves the task although its owner is alive. */
  readonly move: number
  /** A process pauses for longer than the dispatch window. */
  readonly pause: number
  readonly notSent: number
  readonly lostReply: number
  /** A person decides. */
  readonly decide: number
  /** A report is appended twice. */
  readonly twice: number
}

/** A bounded world. */
export interface Scenario {
  /** Records as id and payload; the key is that of the id. */
  readonly inputs: readonly (readonly [id: string, payload: number])[]
  readonly keys: Readonly<Record<string, string>>
  readonly processes: number
  readonly concurrency: number
  readonly blocks: boolean
  /** How many claims there may be. */
  readonly claims: number
  readonly faults: Faults
  /** A mistake in the code around the operator, which the model has to detect. */
  readonly mistake?:
    | 'calls before the claim is acknowledged'
    | 'forgets running calls when it opens again'
    | 'declares a claim in doubt before reports are read'
}

type Phase = 'claimed' | 'acknowledged' | 'started' | 'requested' | 'answered' | 'not-sent' | 'doubt'

interface Held {
  readonly id: string
  readonly token: string
  phase: Phase
  isFresh: boolean
}

interface Process {
  isUp: boolean
  incarnation: number
  open: 'closed' | 'proved' | 'running'
  epoch: number
  isCommitting: boolean
  held: Held[]
}

interface Change {
  readonly take: number
  readonly calls: Readonly<Record<string, string | null>>
  readonly outputs: readonly string[]
  readonly doubts: readonly string[]
  readonly duplicates: number
  readonly conflicts: number
  readonly pops: number
}

interface Flight {
  readonly epoch: number
  /** `-1`: no process waits for its result. */
  process: number
  readonly change: Change
  readonly settled: readonly string[]
}

interface Said extends Report {
  readonly id: string
}

interface World {
  epoch: number
  flight: Flight | undefined
  /** Stored calls by id, one character for each byte. */
  calls: Record<string, string>
  position: number
  duplicates: number
  conflicts: number
  tokens: number
  outputs: Record<string, number>
  doubts: Record<string, number>
  requests: Record<string, string[]>
  /** Calls whose claim met a fault. */
  touched: Record<string, true>
  reports: Said[]
  /** A step that must not be taken was taken. */
  wrong: string | undefined
  owner: number
  processes: Process[]
  left: Faults & { readonly claims: number }
}

const NOW = 1_000
const SINK = 'results'
const DOUBT = 'in-doubt'

/** What exploring a scenario found. */
export interface Exploration {
  readonly states: number
  /** What was violated, with the steps that lead there. */
  readonly violations: ReadonlyMap<string, readonly string[]>
}

/** Visits every state of a scenario, breadth first. */
export function explore(scenario: Scenario): Exploration {
  const model = new Model(scenario)
  const start = model.start()
  const seen = new Set([JSON.stringify(start)])
  const violations = new Map<string, readonly string[]>()
  let frontier: { readonly world: World; readonly trace: Trace | undefined }[] = [{ world: start, trace: undefined }]
  while (frontier.length > 0) {
    const next: typeof frontier = []
    for (const { world, trace } of frontier) {
      const steps = model.steps(world)
      if (steps.every(({ isFault }) => isFault)) note(violations, model.stuck(world), trace)
      for (const { label, world: reached } of steps) {
        const text = JSON.stringify(reached)
        if (seen.has(text)) continue
        seen.add(text)
        const further = { label, before: trace }
        const wrong = model.violated(reached)
        if (wrong === undefined) next.push({ world: reached, trace: further })
        else note(violations, wrong, further)
      }
    }
    frontier = next
  }
  return { states: seen.size, violations }
}

interface Trace {
  readonly label: string
  readonly before: Trace | undefined
}

function note(violations: Map<string, readonly string[]>, what: string | undefined, trace: Trace | undefined): void {
  if (what === undefined || violations.has(what)) return
  const steps: string[] = []
  for (let at = trace; at !== undefined; at = at.before) steps.unshift(at.label)
  violations.set(what, steps)
}

interface Step {
  readonly label: string
  readonly isFault: boolean
  readonly world: World
}

class Model {
  readonly #scenario: Scenario
  readonly #plan: CallPlan
  readonly #records: readonly LogRecord[]
  readonly #decoded = new Map<string, CallState>()

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    const asked = topic('asked', { key: text(), value: json<{ id: string; payload: number }>() })
    const results = topic(SINK, { key: text(), value: json<number>() })
    const pipeline = stream(asked)
      .callOnce(async () => 1, {
        inDoubt: { deadLetter: DOUBT },
        id: ({ id }) => id,
        concurrency: scenario.concurrency,
        whenInDoubt: scenario.blocks ? 'block' : 'park',
      })
      .to(results)
    this.#plan = planApplication('model', pipeline).calls[0] as CallPlan
    this.#records = scenario.inputs.map(([id, payload], offset) => ({
      topic: 'asked',
      partition: 0,
      offset,
      key: Buffer.from(scenario.keys[id] ?? id),
      value: Buffer.from(JSON.stringify({ id, payload })),
      timestamp: 0,
      headers: [],
    }))
  }

  start(): World {
    const { processes, faults, claims } = this.#scenario
    return {
      epoch: 0,
      flight: undefined,
      calls: {},
      position: 0,
      duplicates: 0,
      conflicts: 0,
      tokens: 0,
      outputs: {},
      doubts: {},
      requests: {},
      touched: {},
      reports: [],
      wrong: undefined,
      owner: 0,
      processes: Array.from({ length: processes }, () => ({
        isUp: true,
        incarnation: 0,
        open: 'closed' as const,
        epoch: 0,
        isCommitting: false,
        held: [],
      })),
      left: { ...faults, claims },
    }
  }

  steps(world: World): Step[] {
    const steps: Step[] = []
    const add = (label: string, fault: keyof Faults | undefined, change: (next: World) => void): void => {
      if (fault !== undefined && world.left[fault] === 0) return
      const next = structuredCloneOf(world)
      if (fault !== undefined) next.left = { ...next.left, [fault]: next.left[fault] - 1 }
      change(next)
      steps.push({ label, isFault: fault !== undefined, world: next })
    }
    world.processes.forEach((process, p) => {
      if (!process.isUp) {
        add(`${p} starts`, undefined, (next) => {
          at(next, p).isUp = true
        })
        return
      }
      this.#faultsOf(world, p, add)
      this.#opening(world, p, add)
      if (process.isCommitting) this.#answers(world, p, add)
      else if (process.open === 'running') this.#transactions(world, p, add)
      this.#calling(world, p, add)
    })
    this.#surroundings(world, add)
    return steps
  }

  #faultsOf(world: World, p: number, add: Add): void {
    const { held } = at(world, p)
    add(`${p} crashes`, 'crash', (next) => {
      for (const id of [...this.#claimsOf(next, p), ...held.map(({ id }) => id)]) next.touched[id] = true
      const { incarnation } = at(next, p)
      next.processes[p] = {
        isUp: false,
        incarnation: incarnation + 1,
        open: 'closed',
        epoch: 0,
        isCommitting: false,
        held: [],
      }
    })
    if (held.some(({ isFresh, phase }) => isFresh && (phase === 'acknowledged' || phase === 'claimed')))
      add(`${p} pauses`, 'pause', (next) => {
        for (const each of at(next, p).held) each.isFresh = false
      })
  }

  /** Ids that this incarnation has claimed, as committed. */
  #claimsOf(world: World, p: number): string[] {
    const me = `${p}.${at(world, p).incarnation}`
    return Object.entries(world.calls)
      .map(([id, stored]) => [id, this.#decode(stored)] as const)
      .filter(([, call]) => call.state === 'claimed' && call.claim.claimant.instance === me)
      .map(([id]) => id)
  }

  #opening(world: World, p: number, add: Add): void {
    const process = at(world, p)
    if (world.owner !== p && process.open !== 'closed' && !process.isCommitting)
      add(`${p} learns that it lost the task`, undefined, (next) => {
        at(next, p).open = 'closed'
      })
    if (process.open === 'closed' && world.owner === p)
      add(`${p} proves its membership`, undefined, (next) => {
        at(next, p).open = 'proved'
      })
    if (process.open !== 'proved') return
    for (const commits of world.flight === undefined ? [false] : [true, false]) {
      add(`${p} opens the task, what was undecided is ${commits ? 'committed' : 'aborted'}`, undefined, (next) => {
        if (next.flight !== undefined && commits) apply(next, next.flight.change)
        next.flight = undefined
        const mine = at(next, p)
        mine.epoch = ++next.epoch
        mine.open = 'running'
        const me = `${p}.${mine.incarnation}`
        for (const [id, call] of this.#all(next))
          if (call.state === 'claimed' && call.claim.claimant.instance !== me) next.touched[id] = true
        mine.held = mine.held.flatMap((held) => this.#adopted(next, held))
      })
    }
  }

  /** As `CallDispatcher.reconcile` does. */
  #adopted(world: World, held: Held): Held[] {
    if (held.phase !== 'claimed' && held.phase !== 'acknowledged') return [held]
    if (this.#scenario.mistake === 'forgets running calls when it opens again') return []
    const call = this.#call(world, held.id)
    if (call === undefined || !('claim' in call) || call.claim.token !== held.token) return []
    return [{ ...held, phase: call.state === 'claimed' ? 'acknowledged' : 'not-sent' }]
  }

  #answers(world: World, p: number, add: Add): void {
    const { flight } = world
    const process = at(world, p)
    if (flight === undefined || flight.process !== p || flight.epoch !== process.epoch) {
      add(`${p} is answered fenced`, undefined, (next) => {
        const mine = at(next, p)
        mine.isCommitting = false
        mine.open = 'closed'
      })
      return
    }
    add(`${p}'s commit gets through`, undefined, (next) => {
      const mine = at(next, p)
      mine.isCommitting = false
      apply(next, flight.change)
      next.flight = undefined
      mine.held = mine.held
        .filter(({ token }) => !flight.settled.includes(token))
        .map((held) => (held.phase === 'claimed' ? { ...held, phase: 'acknowledged' as const } : held))
    })
    add(`${p}'s commit is rejected`, 'commit', (next) => {
      const mine = at(next, p)
      mine.isCommitting = false
      mine.open = 'closed'
      next.flight = undefined
    })
    add(`${p}'s commit ends unclear`, 'commit', (next) => {
      const mine = at(next, p)
      mine.isCommitting = false
      mine.open = 'closed'
      if (next.flight !== undefined) next.flight.process = -1
    })
  }

  #transactions(world: World, p: number, add: Add): void {
    const process = at(world, p)
    const send = (label: string, change: Change, settled: readonly string[] = [], also?: (next: World) => void): void =>
      add(`${p} commits: ${label}`, undefined, (next) => {
        also?.(next)
        at(next, p).isCommitting = true
        // a process that is already fenced cannot touch a newer owner's transaction
        if (process.epoch === next.epoch) next.flight = { epoch: process.epoch, process: p, change, settled }
      })
    if (process.epoch !== world.epoch) {
      send('anything, but it is fenced', NOTHING)
      return
    }
    for (let count = 1; world.position + count <= this.#records.length && count <= 2; count++) {
      const records = this.#records.slice(world.position, world.position + count)
      const made = this.#operate(world, p, (operator, effects) => {
        const asked = records.map((record) => prepareCall(this.#plan, record))
        const found = asked.map((ask) => (ask.type === 'call' ? this.#call(world, ask.id) : undefined))
        operator.process(records, asked, found, NOW, effects)
      })
      send(`takes in ${count}`, { ...made, take: count })
    }
    const [first] = world.reports
    if (first !== undefined) {
      const { id, ...report } = first
      const made = this.#operate(world, p, (operator, effects) => {
        operator.report({ id, report, call: this.#call(world, id) }, NOW, effects)
      })
      send(`applies the ${report.by}'s ${report.outcome} of ${report.token}`, { ...made, pops: 1 })
    }
    this.#claims(world, p, send)
    for (const { id, token, phase } of process.held) {
      const report = reportOf(token, phase)
      if (report === undefined) continue
      const made = this.#operate(world, p, (operator, effects) => {
        operator.report({ id, report: { ...report, by: 'owner' }, call: this.#call(world, id) }, NOW, effects)
      })
      send(`settles ${token} as ${report.outcome}`, made, [token])
    }
    const mayDoubt =
      world.reports.length === 0 || this.#scenario.mistake === 'declares a claim in doubt before reports are read'
    for (const [token, id] of this.#operator(world, p).orphanedClaims) {
      if (!mayDoubt) break
      const made = this.#operate(world, p, (operator, effects) => {
        const report = { token, outcome: 'in-doubt', by: 'owner', claimantFinished: false } as const
        operator.report({ id, report, call: this.#call(world, id) }, NOW, effects)
      })
      send(`doubts ${token}`, made, [], (next) => {
        if (next.reports.some((report) => report.token === token))
          next.wrong = `${token} is doubted though its report is there`
        // the grace period is longer than the dispatch window
        for (const other of next.processes)
          for (const held of other.held) if (held.token === token) held.isFresh = false
      })
    }
  }

  #claims(
    world: World,
    p: number,
    send: (label: string, change: Change, settled: readonly string[], also: (next: World) => void) => void,
  ): void {
    const claims: Held[] = []
    const made = this.#operate(world, p, (operator, effects) => {
      for (const { id, token } of operator.claim(NOW, effects))
        claims.push({ id, token, phase: 'claimed', isFresh: true })
    })
    if (claims.length === 0 || claims.length > world.left.claims) return
    send(`claims ${claims.map(({ id, token }) => `${id} as ${token}`).join(', ')}`, made, [], (next) => {
      next.tokens += claims.length
      next.left = { ...next.left, claims: next.left.claims - claims.length }
      at(next, p).held.push(...claims.map((held) => ({ ...held })))
    })
  }

  /** What a process does with its claims, whether or not it still has the task. */
  #calling(world: World, p: number, add: Add): void {
    const { held, open, isCommitting } = at(world, p)
    const { mistake } = this.#scenario
    held.forEach(({ id, token, phase, isFresh }, i) => {
      const to = (label: string, fault: keyof Faults | undefined, then: Phase, also?: (next: World) => void): void =>
        add(`${p}: ${label} (${id}, ${token})`, fault, (next) => {
          const mine = at(next, p).held[i]
          if (mine !== undefined) mine.phase = then
          also?.(next)
        })
      const isEarly = phase === 'claimed' && mistake === 'calls before the claim is acknowledged'
      if ((phase === 'acknowledged' || isEarly) && open === 'running')
        if (isFresh) to('starts', undefined, 'started')
        else to('is too late, and forgets the call', undefined, 'not-sent')
      const hasLost = open !== 'running' && !isCommitting && world.owner !== p
      if ((phase === 'acknowledged' || phase === 'claimed') && hasLost)
        to('lost the task, and forgets the call', undefined, 'not-sent')
      if (phase === 'started') {
        to('sends the request', undefined, 'requested', (next) => {
          next.requests[id] = [...(next.requests[id] ?? []), token]
        })
        to('could not send', 'notSent', 'not-sent')
      }
      if (phase === 'requested') {
        to('is answered', undefined, 'answered')
        to('loses the answer', 'lostReply', 'doubt', (next) => {
          next.touched[id] = true
        })
      }
      const report = reportOf(token, phase)
      if (report === undefined || !hasLost) return
      for (const copies of [1, 2] as const)
        add(
          `${p} reports ${report.outcome} of ${token}${copies === 2 ? ', twice' : ''}`,
          copies === 2 ? 'twice' : undefined,
          (next) => {
            at(next, p).held.splice(i, 1)
            for (let n = 0; n < copies; n++) next.reports.push({ ...report, id, by: 'claimant' })
          },
        )
    })
  }

  #surroundings(world: World, add: Add): void {
    world.processes.forEach(({ isUp }, p) => {
      if (!isUp || p === world.owner) return
      const isMove = at(world, world.owner).isUp
      add(`the group gives the task to ${p}`, isMove ? 'move' : undefined, (next) => {
        next.owner = p
      })
    })
    const { flight } = world
    if (flight?.process === -1)
      for (const commits of [true, false])
        add(`the broker ${commits ? 'commits' : 'aborts'} what was undecided`, undefined, (next) => {
          if (commits) apply(next, flight.change)
          next.flight = undefined
        })
    for (const [id, call] of this.#all(world)) {
      if (call.state !== 'in-doubt') continue
      const [p, incarnation] = call.claim.claimant.instance.split('.').map(Number) as [number, number]
      const hasEnded = call.claimantFinished || at(world, p).incarnation > incarnation
      const { token } = call.claim
      const wasSent = world.requests[id]?.includes(token) ?? false
      // what `resolve` accepts, from people who check before they decide
      const decisions: Report['outcome'][] = this.#scenario.blocks && !hasEnded ? [] : ['done', 'abandoned']
      if (hasEnded && !wasSent) decisions.push('not-sent')
      for (const outcome of decisions)
        add(`somebody decides ${outcome} of ${token}`, 'decide', (next) => {
          next.touched[id] = true
          next.reports.push({
            id,
            token,
            outcome,
            by: 'person',
            ...RESULT,
            decision: { decidedBy: 'me', reason: 'seen', decidedAt: 0 },
          })
        })
    }
  }

  /** @returns what is wrong in a state, of what must hold in every one */
  violated(world: World): string | undefined {
    if (world.wrong !== undefined) return world.wrong
    for (const [id, tokens] of Object.entries(world.requests)) if (tokens.length > 1) return `two requests for ${id}`
    for (const [token, count] of Object.entries(world.doubts)) if (count > 1) return `${token} is told twice`
    let [claims, known] = [0, 0]
    for (const [id, call] of this.#all(world)) {
      known++
      if (call.state === 'claimed') claims++
      if (call.state === 'in-doubt' && world.doubts[call.claim.token] === undefined)
        return `${id} is in doubt, and nobody was told`
      if ((world.outputs[id] ?? 0) !== (call.state === 'done' ? 1 : 0))
        return `the results of ${id} are not those of a call that is ${call.state}`
    }
    if (claims > this.#scenario.concurrency) return 'too many claims'
    if (world.position !== world.duplicates + world.conflicts + known) return 'a record has no outcome'
    return undefined
  }

  /** @returns what is wrong in a state in which nothing happens any more without a fault */
  stuck(world: World): string | undefined {
    if (world.position < this.#records.length) return 'a record is never taken in'
    for (const [id, call] of this.#all(world)) {
      const isBlocked = this.#scenario.blocks && this.#all(world).some(([, { state }]) => state === 'in-doubt')
      if (call.state === 'claimed' || (call.state === 'ready' && world.left.claims > 0 && !isBlocked))
        return `${id} stays ${call.state}`
      if (world.touched[id] !== undefined || call.state === 'ready') continue
      if (call.state !== 'done' || world.requests[id]?.length !== 1)
        return `${id} is ${call.state} though no fault met its claim`
    }
    return undefined
  }

  #all(world: World): (readonly [id: string, call: CallState])[] {
    return Object.entries(world.calls).map(([id, stored]) => [id, this.#decode(stored)])
  }

  #call(world: World, id: string): CallState | undefined {
    const stored = world.calls[id]
    return stored === undefined ? undefined : this.#decode(stored)
  }

  #decode(stored: string): CallState {
    const known = this.#decoded.get(stored)
    if (known !== undefined) return known
    const call = decodeCall(Buffer.from(stored, 'latin1'), 'asked', 0)
    this.#decoded.set(stored, call)
    return call
  }

  /** @returns the operator as it is after the task was opened */
  #operator(world: World, p: number): CallOperator {
    let tokens = world.tokens
    const { incarnation, held } = at(world, p)
    const operator = new CallOperator(this.#plan, {
      application: 'model',
      partition: 0,
      outputs: new Map([SINK, DOUBT].map((name) => [name, { partitions: 1, maxMessageBytes: 1_000_000 }])),
      changelog: { topic: 'model-changelog', maxMessageBytes: 1_000_000 },
      claimant: { instance: `${p}.${incarnation}`, host: 'h', pid: 1, startedAt: 0 },
      newToken: () => `t${++tokens}`,
    })
    const open = this.#all(world).filter(([, { state }]) => state !== 'done' && state !== 'abandoned')
    for (const [id, call] of open) operator.restore(id, call, (token) => held.some((mine) => mine.token === token))
    return operator
  }

  #operate(world: World, p: number, work: (operator: CallOperator, effects: CallEffects) => void): Change {
    const operator = this.#operator(world, p)
    const calls: Record<string, string | null> = {}
    const outputs: string[] = []
    const doubts: string[] = []
    work(operator, {
      logTimeMs: 0,
      refusal: () => undefined,
      output: ({ topic, headers, value }) => {
        const doubt = inDoubtInfo(headers)
        if (topic === DOUBT && doubt !== undefined) doubts.push(doubt.token)
        else if (topic === SINK) outputs.push(String(value))
      },
      putCall: (key, value) => {
        const parsed = parseChangelogKey(key)
        if (parsed.kind === 'call') calls[parsed.id] = value && Buffer.from(value).toString('latin1')
      },
      outcome: () => {},
    })
    const ids = Object.keys(calls).filter((id) => outputs.length > 0 && this.#isDone(calls[id]))
    return {
      take: 0,
      calls,
      outputs: ids,
      doubts,
      duplicates: operator.totals.dropped.duplicate ?? 0,
      conflicts: operator.totals.deadLettered['call-conflict'] ?? 0,
      pops: 0,
    }
  }

  #isDone(stored: string | null | undefined): boolean {
    return typeof stored === 'string' && this.#decode(stored).state === 'done'
  }
}

type Add = (label: string, fault: keyof Faults | undefined, change: (next: World) => void) => void

const NOTHING: Change = { take: 0, calls: {}, outputs: [], doubts: [], duplicates: 0, conflicts: 0, pops: 0 }
const RESULT = { result: Buffer.from('1') } as const

const at = (world: World, p: number): Process => world.processes[p] as Process

function reportOf(token: string, phase: Phase): Omit<Report, 'by'> | undefined {
  if (phase === 'answered') return { token, outcome: 'done', ...RESULT }
  if (phase === 'not-sent') return { token, outcome: 'not-sent' }
  if (phase === 'doubt') return { token, outcome: 'in-doubt', claimantFinished: true, why: 'lost' }
  return undefined
}

function apply(world: World, { take, calls, outputs, doubts, duplicates, conflicts, pops }: Change): void {
  world.position += take
  world.duplicates += duplicates
  world.conflicts += conflicts
  for (const [id, stored] of Object.entries(calls)) {
    if (stored === null) delete world.calls[id]
    else world.calls[id] = stored
  }
  for (const id of outputs) world.outputs[id] = (world.outputs[id] ?? 0) + 1
  for (const token of doubts) world.doubts[token] = (world.doubts[token] ?? 0) + 1
  world.reports.splice(0, pops)
}

function structuredCloneOf(world: World): World {
  return {
    ...world,
    flight: world.flight && { ...world.flight },
    calls: { ...world.calls },
    outputs: { ...world.outputs },
    doubts: { ...world.doubts },
    requests: { ...world.requests },
    touched: { ...world.touched },
    reports: [...world.reports],
    processes: world.processes.map((process) => ({ ...process, held: process.held.map((held) => ({ ...held })) })),
  }
}
