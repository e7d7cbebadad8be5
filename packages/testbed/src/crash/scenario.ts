import { join } from 'node:path'
import type { Random } from '../simulator/random.js'
import { check } from './check.js'
import { historyOf } from './history.js'
import { hygiene } from './laws/hygiene.js'
import type { Violation } from './laws/violation.js'
import { LogView } from './log-view.js'
import { type Moment, printHistory } from './print-history.js'
import type { ScenarioOptions } from './scenario-options.js'
import { type Service, service } from './service.js'
import type { Stage } from './stage.js'
import { createTopics } from './topics.js'
import { type Ledger, Traffic } from './traffic.js'
import type { Verdict } from './verdict.js'
import { StoreFolders } from './worker/store-folders.js'
import type { WorkerLine } from './worker/worker-lines.js'
import { WorkerProcess } from './worker/worker-process.js'
import type { Kept, StoresAt } from './worker/worker-stores.js'

export const SESSION_MS = 3_000
const POLL_MS = 50
/** I13: twice the session time-out and a minute. What was left undone is processed much faster than it came. */
const DRAIN_MS = 2 * SESSION_MS + 60_000
const STOP_MS = 25_000
const SETTLE_MS = 45_000

interface ScenarioParts {
  readonly stage: Stage
  readonly service: Service
  readonly view: LogView
  readonly traffic: Traffic
  readonly options: ScenarioOptions
  readonly random: Random
}

/** One service under traffic, its workers, and what is done to them. It ends with heal, drain, verify. */
export class Scenario {
  readonly service: Service
  readonly stage: Stage
  readonly view: LogView
  readonly workers: WorkerProcess[] = []
  readonly moments: Moment[] = []
  /** When a worker was given its share last, in milliseconds since the epoch. */
  assignedAt = 0
  readonly #options: ScenarioOptions
  readonly #traffic: Traffic
  readonly #violations: Violation[] = []
  readonly #random: Random
  readonly #folders: StoreFolders
  #starts = 0

  static async begin(stage: Stage, random: Random, options: ScenarioOptions): Promise<Scenario> {
    const { name, perSecond, partitions } = options
    const of = service(`${name}-${random.between(0, 2 ** 31).toString(36)}`)
    const topics = await createTopics(stage.broker, of, partitions)
    const traffic = new Traffic(of, stage.log, random, perSecond, partitions)
    await traffic.start()
    const view = new LogView(stage.raw, of, topics, partitions)
    return new Scenario({ stage, service: of, view, traffic, options, random: random.fork() })
  }

  private constructor({ stage, service, view, traffic, options, random }: ScenarioParts) {
    this.stage = stage
    this.service = service
    this.view = view
    this.#traffic = traffic
    this.#options = options
    this.#random = random
    this.#folders = new StoreFolders(join(stage.folder, service.application))
  }

  /** Those that have not ended. */
  get alive(): WorkerProcess[] {
    return this.workers.filter(({ end }) => end === undefined)
  }

  /** Of them, those that are not frozen. */
  get awake(): WorkerProcess[] {
    return this.alive.filter(({ isFrozen }) => !isFrozen)
  }

  /** Who runs each task; `undefined` unless everybody who is awake runs, and each task is with one of them. */
  get owners(): ReadonlyMap<number, string> | undefined {
    const owners = new Map<number, string>()
    for (const { name, report } of this.awake) {
      if (report?.state !== 'running') return undefined
      for (const task of report.tasks) {
        if (owners.has(task)) return undefined // one of them has not heard yet
        owners.set(task, name)
      }
    }
    return owners.size === this.#options.partitions ? owners : undefined
  }

  note(what: string): void {
    this.moments.push({ at: Date.now(), what })
  }

  /** Starts a worker, which keeps its stores where it is told to, or anywhere. */
  async start({
    failpoint,
    kept = this.#random.pick(this.stage.kept),
  }: {
    failpoint?: string
    kept?: Kept
  } = {}): Promise<WorkerProcess> {
    const name = `${this.service.application}-w${++this.#starts}`
    this.note(`${name} starts with stores ${kept}${failpoint === undefined ? '' : `, to end at ${failpoint}`}`)
    const stores = await this.#storesAt(kept, name)
    const options = {
      id: this.service.application,
      name,
      brokers: [this.#options.broker ?? this.stage.broker],
      sessionTimeoutMs: SESSION_MS,
      ...(this.#options.requestTimeoutMs !== undefined && { requestTimeoutMs: this.#options.requestTimeoutMs }),
      ...(stores !== undefined && { stores }),
    }
    const worker = new WorkerProcess(this.stage.program, options, failpoint, (line) => this.#heard(name, line))
    this.workers.push(worker)
    worker.ended.then(({ code, signal }) => {
      this.note(`${name} ended: ${signal ?? code}`)
      // whoever was not killed has a reason to end, or is wrong
      if (signal !== 'SIGKILL' && code !== 0) this.fails('the application goes on', `${name}: ${worker.errors}`)
    })
    return worker
  }

  async #storesAt(kept: Kept, name: string): Promise<StoresAt | undefined> {
    if (kept === 'in memory') return undefined
    if (kept === 'in Redis') return { redis: this.stage.redisUrl }
    return this.#folders.give(name, new Set(this.alive.map((worker) => worker.name)))
  }

  fails(law: string, text: string): void {
    this.#violations.push({ law, text })
  }

  /** Takes a worker that has ended, or is to be expelled, out of the group. */
  async evict({ name }: WorkerProcess): Promise<void> {
    const { raw } = this.stage
    const group = this.service.application
    const member = (await raw.members(group)).get(name)
    if (member !== undefined) await raw.removeMember(group, member)
  }

  /** Waits for something; says what it waited for in vain. */
  async until(what: string, isSo: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
    const end = performance.now() + withinMs
    while (!(await isSo())) {
      if (performance.now() > end) {
        this.note(`waited in vain: ${what}`)
        return false
      }
      await this.pause(POLL_MS)
    }
    return true
  }

  /** Every task is run by somebody, and everybody runs. */
  isRunning(): boolean {
    return this.owners !== undefined
  }

  /** Everybody has a share: an instance without a task may be one that has not joined yet. Says if it waited in vain. */
  settled(what: string): Promise<boolean> {
    const isShared = () => this.owners !== undefined && new Set(this.owners.values()).size === this.awake.length
    return this.until(what, isShared, SETTLE_MS)
  }

  /** Everybody has a share, and every task has committed since now. */
  async goesOn(what: string): Promise<boolean> {
    const from = Date.now()
    const silent = new Set(Array.from({ length: this.#options.partitions }, (_, task) => task))
    const isGoingOn = async () => {
      const positions = await this.view.positions().catch(() => []) // the broker may not be back yet
      for (const [task, position] of positions.entries()) if ((position?.at ?? 0) > from) silent.delete(task)
      return silent.size === 0
    }
    return (await this.until(what, isGoingOn, SETTLE_MS)) && this.settled(what)
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms))
  }

  /** Faults are over: drains, stops all workers in order, and verifies everything. */
  async end(): Promise<Verdict> {
    if (this.alive.length === 0) await this.start()
    const ledger = await this.#traffic.stop()
    const began = performance.now()
    const isDrained = await this.until('everything is drained', () => this.#isDrained(), DRAIN_MS)
    const drainMs = performance.now() - began
    if (!isDrained) this.fails('I13 drains after healing', await this.#undrained())
    const tables = isDrained ? await Promise.all(this.alive.map((worker) => worker.tables())) : []
    for (const worker of this.alive) await this.#stop(worker)
    this.#violations.push(...hygiene(this.workers, this.#options.partitions))
    return this.#verdict(ledger, tables, drainMs)
  }

  /** Ends everything at once. */
  async abandon(): Promise<void> {
    await Promise.all(this.alive.map((worker) => worker.kill()))
    await this.#traffic.stop()
  }

  async #verdict(ledger: Ledger, tables: Parameters<typeof check>[1]['tables'], drainMs: number): Promise<Verdict> {
    const history = historyOf(this.service, await this.view.read())
    const violations = [...this.#violations, ...check(history, { ledger, tables })]
    const first = violations.find(({ of }) => of !== undefined) ?? violations[0]
    return {
      name: this.#options.name,
      violations,
      events: this.#traffic.sent,
      outcomes: history.outcomes.length,
      commits: history.steps.map((steps) => steps.map(({ position }) => position.at)),
      drainMs,
      story: first && printHistory(history, first, this.moments),
    }
  }

  /** I17: told to stop, a worker ends with 0 within its time. */
  async #stop(worker: WorkerProcess): Promise<void> {
    const late = setTimeout(() => {
      this.fails('I17 shutdown', `${worker.name} did not end within ${STOP_MS} ms`)
      worker.kill()
    }, STOP_MS)
    const { code, signal } = await worker.stop()
    clearTimeout(late)
    if (code !== 0) this.fails('I17 shutdown', `${worker.name} ended with ${signal ?? code}: ${worker.errors}`)
  }

  async #isDrained(): Promise<boolean> {
    return this.isRunning() && (await this.view.isDrained())
  }

  async #undrained(): Promise<string> {
    const states = this.alive.map(({ name, report }) => `${name} is ${report?.state}, ${report?.problems.join('; ')}`)
    const positions = await this.view.positions().catch(() => [])
    const tasks = positions.map((position, task) => `[${task}] ${JSON.stringify(position?.inputs)}`)
    return `${states.join('; ')}; ${tasks.join('; ')}; open transactions: ${await this.view.isTransactionOpen()}`
  }

  #heard(name: string, line: WorkerLine): void {
    if ('event' in line && line.event.type === 'assigned') this.assignedAt = Date.now()
    if ('event' in line && ['dropped', 'dead-lettered'].includes(String(line.event.type))) return
    if (!('report' in line) && !('tables' in line)) this.note(`${name}: ${JSON.stringify(line)}`)
  }
}
