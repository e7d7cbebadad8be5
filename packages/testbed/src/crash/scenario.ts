import { join } from 'node:path'
import { poll } from '../poll.js'
import type { Random } from '../simulator/random.js'
import { check } from './check.js'
import { describeViolation, type TimelineEntry } from './describe-violation.js'
import { historyOf } from './history.js'
import { hygiene } from './laws/hygiene.js'
import type { Violation } from './laws/violation.js'
import { LogView } from './log-view.js'
import type { ScenarioOptions } from './scenario-options.js'
import { type Service, service } from './service.js'
import type { TestEnvironment } from './test-environment.js'
import { createTopics } from './topics.js'
import { type AcknowledgedEvents, Traffic } from './traffic.js'
import type { Verdict } from './verdict.js'
import { StoreFolders } from './worker/store-folders.js'
import type { WorkerLine } from './worker/worker-lines.js'
import { WorkerProcess } from './worker/worker-process.js'
import type { StoreAddress, StoreLocation } from './worker/worker-stores.js'

export const SESSION_MS = 3_000
/** I13: twice the session timeout, and a minute. A backlog is processed much faster than it arrived. */
const DRAIN_MS = 2 * SESSION_MS + 60_000
const STOP_MS = 25_000
const SETTLE_MS = 45_000

interface ScenarioParts {
  readonly environment: TestEnvironment
  readonly service: Service
  readonly view: LogView
  readonly traffic: Traffic
  readonly options: ScenarioOptions
  readonly random: Random
}

/** One service with traffic and workers, into which faults are injected. It ends with heal, drain, verify. */
export class Scenario {
  readonly service: Service
  readonly environment: TestEnvironment
  readonly view: LogView
  readonly workers: WorkerProcess[] = []
  readonly timeline: TimelineEntry[] = []
  /** When a worker last got its assignment, in milliseconds since the epoch. */
  assignedAt = 0
  readonly #options: ScenarioOptions
  readonly #traffic: Traffic
  readonly #violations: Violation[] = []
  readonly #random: Random
  readonly #folders: StoreFolders
  #starts = 0

  static async begin(environment: TestEnvironment, random: Random, options: ScenarioOptions): Promise<Scenario> {
    const { name, perSecond, partitions } = options
    const of = service(`${name}-${random.between(0, 2 ** 31).toString(36)}`)
    const topics = await createTopics(environment.broker, of, partitions)
    const traffic = new Traffic(of, environment.log, random, perSecond, partitions)
    await traffic.start()
    const view = new LogView(environment.raw, of, topics, partitions)
    return new Scenario({ environment, service: of, view, traffic, options, random: random.fork() })
  }

  private constructor({ environment, service, view, traffic, options, random }: ScenarioParts) {
    this.environment = environment
    this.service = service
    this.view = view
    this.#traffic = traffic
    this.#options = options
    this.#random = random
    this.#folders = new StoreFolders(join(environment.folder, service.application))
  }

  /** The workers that have not ended. */
  get alive(): WorkerProcess[] {
    return this.workers.filter(({ end }) => end === undefined)
  }

  /** The workers that have not ended and are not frozen. */
  get responsive(): WorkerProcess[] {
    return this.alive.filter(({ isFrozen }) => !isFrozen)
  }

  /** The owner of each task; `undefined` unless all responsive workers are running, and each task has exactly one of them. */
  get owners(): ReadonlyMap<number, string> | undefined {
    const owners = new Map<number, string>()
    for (const { name, report } of this.responsive) {
      if (report?.state !== 'running') return undefined
      for (const task of report.tasks) {
        if (owners.has(task)) return undefined // one of them has not been notified yet
        owners.set(task, name)
      }
    }
    return owners.size === this.#options.partitions ? owners : undefined
  }

  note(what: string): void {
    this.timeline.push({ at: Date.now(), what })
  }

  /** Starts a worker, with its stores in the given location or in a random one. */
  async start({
    failpoint,
    location = this.#random.pick(this.environment.storeLocations),
  }: {
    failpoint?: string
    location?: StoreLocation
  } = {}): Promise<WorkerProcess> {
    const name = `${this.service.application}-w${++this.#starts}`
    this.note(
      `${name} starts with stores ${location}${failpoint === undefined ? '' : `, to be killed at ${failpoint}`}`,
    )
    const stores = await this.#addressOf(location, name)
    const options = {
      id: this.service.application,
      name,
      brokers: [this.#options.broker ?? this.environment.broker],
      sessionTimeoutMs: SESSION_MS,
      ...(this.#options.requestTimeoutMs !== undefined && { requestTimeoutMs: this.#options.requestTimeoutMs }),
      ...(stores !== undefined && { stores }),
    }
    const worker = new WorkerProcess(this.environment.program, options, failpoint, (line) => this.#onLine(name, line))
    this.workers.push(worker)
    worker.ended.then(({ code, signal }) => {
      this.note(`${name} ended: ${signal ?? code}`)
      // a worker that was not killed must not end by itself, except gracefully
      if (signal !== 'SIGKILL' && code !== 0)
        this.reportViolation('the application keeps running', `${name}: ${worker.errors}`)
    })
    return worker
  }

  async #addressOf(location: StoreLocation, name: string): Promise<StoreAddress | undefined> {
    if (location === 'in memory') return undefined
    if (location === 'in Redis') return { redis: this.environment.redisUrl }
    return this.#folders.assign(name, new Set(this.alive.map((worker) => worker.name)))
  }

  reportViolation(law: string, text: string): void {
    this.#violations.push({ law, text })
  }

  /** Removes a worker from the group. */
  async evict({ name }: WorkerProcess): Promise<void> {
    const { raw } = this.environment
    const group = this.service.application
    const member = (await raw.members(group)).get(name)
    if (member !== undefined) await raw.removeMember(group, member)
  }

  /** Waits for a condition, and adds an entry to the timeline if it does not become true. */
  async waitFor(what: string, condition: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
    const isMet = await poll(condition, withinMs)
    if (!isMet) this.note(`timed out: ${what}`)
    return isMet
  }

  /** Whether all responsive workers are running, and own all tasks. */
  isRunning(): boolean {
    return this.owners !== undefined
  }

  /** Waits until every worker has a task: one without a task may not have joined yet. */
  untilRebalanced(what: string): Promise<boolean> {
    const isBalanced = () => this.owners !== undefined && new Set(this.owners.values()).size === this.responsive.length
    return this.waitFor(what, isBalanced, SETTLE_MS)
  }

  /** Waits until every worker has a task, and every task has committed again. */
  async makesProgress(what: string): Promise<boolean> {
    const from = Date.now()
    const pending = new Set(Array.from({ length: this.#options.partitions }, (_, task) => task))
    const hasProgressed = async () => {
      const positions = await this.view.positions().catch(() => []) // the broker may still be down
      for (const [task, position] of positions.entries()) if ((position?.writtenAt ?? 0) > from) pending.delete(task)
      return pending.size === 0
    }
    return (await this.waitFor(what, hasProgressed, SETTLE_MS)) && this.untilRebalanced(what)
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms))
  }

  /** Drains, stops all workers gracefully, and verifies everything. */
  async end(): Promise<Verdict> {
    if (this.alive.length === 0) await this.start()
    const acknowledged = await this.#traffic.stop()
    const began = performance.now()
    const isDrained = await this.waitFor('everything is drained', () => this.#isDrained(), DRAIN_MS)
    const drainMs = performance.now() - began
    if (!isDrained) this.reportViolation('I13 drains after healing', await this.#undrained())
    const tables = isDrained ? await Promise.all(this.alive.map((worker) => worker.tables())) : []
    for (const worker of this.alive) await this.#stop(worker)
    this.#violations.push(...hygiene(this.workers, this.#options.partitions))
    return this.#verdict(acknowledged, tables, drainMs)
  }

  /** Kills all workers. */
  async abort(): Promise<void> {
    await Promise.all(this.alive.map((worker) => worker.kill()))
    await this.#traffic.stop()
  }

  async #verdict(
    acknowledged: AcknowledgedEvents,
    tables: Parameters<typeof check>[1]['tables'],
    drainMs: number,
  ): Promise<Verdict> {
    const history = historyOf(this.service, await this.view.read())
    const violations = [...this.#violations, ...check(history, { acknowledged, tables })]
    const first = violations.find(({ record: of }) => of !== undefined) ?? violations[0]
    return {
      name: this.#options.name,
      violations,
      events: this.#traffic.sent,
      outcomes: history.outcomes.length,
      commits: history.steps.map((steps) => steps.map(({ position }) => position.writtenAt)),
      drainMs,
      explanation: first && describeViolation(history, first, this.timeline),
    }
  }

  /** I17: after SIGTERM, a worker exits with code 0 in time. */
  async #stop(worker: WorkerProcess): Promise<void> {
    const timer = setTimeout(() => {
      this.reportViolation('I17 shutdown', `${worker.name} did not end within ${STOP_MS} ms`)
      worker.kill()
    }, STOP_MS)
    const { code, signal } = await worker.stop()
    clearTimeout(timer)
    if (code !== 0)
      this.reportViolation('I17 shutdown', `${worker.name} ended with ${signal ?? code}: ${worker.errors}`)
  }

  async #isDrained(): Promise<boolean> {
    return this.isRunning() && (await this.view.isDrained())
  }

  async #undrained(): Promise<string> {
    const states = this.alive.map(({ name, report }) => `${name} is ${report?.state}, ${report?.problems.join('; ')}`)
    return `${states.join('; ')}; ${await this.view.describe()}`
  }

  #onLine(name: string, line: WorkerLine): void {
    if ('event' in line && line.event.type === 'assigned') this.assignedAt = Date.now()
    if ('event' in line && ['dropped', 'dead-lettered'].includes(String(line.event.type))) return
    if (!('report' in line) && !('tables' in line)) this.note(`${name}: ${JSON.stringify(line)}`)
  }
}
