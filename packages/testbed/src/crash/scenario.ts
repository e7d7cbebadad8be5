import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '../simulator/random.js'
import { changelogEntry, type Position } from './changelog-records.js'
import { check } from './check.js'
import { committedRecords } from './committed.js'
import { historyOf, inputsOf, type RawTopics, topicsOf } from './history.js'
import type { Violation } from './laws/violation.js'
import { type Moment, printHistory } from './print-history.js'
import { MAX_WAITERS, type Service, service } from './service.js'
import type { Stage } from './stage.js'
import { createTopics } from './topics.js'
import { type Ledger, SECRET, Traffic } from './traffic.js'
import type { WorkerLine } from './worker-lines.js'
import { WorkerProcess } from './worker-process.js'

export const SESSION_MS = 3_000
const PARTITIONS = 3
const POLL_MS = 50
const TAIL = 200
/** I13: twice the session time-out and a minute. What was left undone is processed much faster than it came. */
const DRAIN_MS = 2 * SESSION_MS + 60_000
const STOP_MS = 25_000
/** I12, each as a worker reports it. */
const CAPS: Readonly<Record<string, number>> = {
  rss: 512 * 2 ** 20,
  waitingRecords: 2 * PARTITIONS * MAX_WAITERS,
  uncommittedBytes: PARTITIONS * 9 * 2 ** 20,
  prefetchedBytes: 64 * 2 ** 20,
}

/** What came of a scenario. */
export interface Verdict {
  readonly name: string
  readonly violations: readonly Violation[]
  readonly events: number
  readonly outcomes: number
  readonly commits: number
  /** From the end of the faults until nothing was left to do. */
  readonly drainMs: number
  /** All that is known of what the first violation is about. */
  readonly story: string | undefined
}

/** One service under traffic, its workers, and what is done to them. It ends with heal, drain, verify. */
export class Scenario {
  readonly name: string
  readonly service: Service
  readonly stage: Stage
  readonly workers: WorkerProcess[] = []
  readonly moments: Moment[] = []
  readonly #traffic: Traffic
  readonly #brokers: readonly string[]
  readonly #topics: ReadonlyMap<string, number>
  readonly #violations: Violation[] = []
  #starts = 0

  /** @param brokers of the workers, where it is not the stage's: a proxy */
  static async begin(
    stage: Stage,
    name: string,
    random: Random,
    perSecond: number,
    brokers: readonly string[] = [stage.broker],
  ): Promise<Scenario> {
    const of = service(`${name}-${random.between(0, 2 ** 31).toString(36)}`)
    const topics = await createTopics(stage.broker, of, PARTITIONS)
    const traffic = new Traffic(of, stage.log, random, perSecond, PARTITIONS)
    await traffic.start()
    return new Scenario(stage, name, of, traffic, topics, brokers)
  }

  private constructor(
    stage: Stage,
    name: string,
    of: Service,
    traffic: Traffic,
    topics: ReadonlyMap<string, number>,
    brokers: readonly string[],
  ) {
    this.stage = stage
    this.name = name
    this.service = of
    this.#traffic = traffic
    this.#topics = topics
    this.#brokers = brokers
  }

  /** Those that have not ended. */
  get alive(): WorkerProcess[] {
    return this.workers.filter(({ end }) => end === undefined)
  }

  note(what: string): void {
    this.moments.push({ at: Date.now(), what })
  }

  /** Starts a worker. `place`: keeps its stores on disk, where an earlier worker of that place has left them. */
  async start({ failpoint, place }: { failpoint?: string; place?: string } = {}): Promise<WorkerProcess> {
    const name = `${this.service.application}-w${++this.#starts}`
    const path = place && join(this.stage.folder, this.service.application, place)
    if (path !== undefined) await mkdir(path, { recursive: true })
    this.note(`${name} starts${failpoint === undefined ? '' : `, to end at ${failpoint}`}`)
    const options = {
      id: this.service.application,
      name,
      brokers: this.#brokers,
      sessionTimeoutMs: SESSION_MS,
      ...(path !== undefined && { path }),
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

  /** Whether a transaction is open in one of the topics that the service writes. */
  async isTransactionOpen(): Promise<boolean> {
    const { service: of, stage } = this
    const counts = new Map([...this.#topics, [`${of.application}-changelog`, PARTITIONS]])
    for (const topic of topicsOf(of)) {
      const ends = await stage.raw.ends(topic, counts.get(topic) as number).catch(() => [])
      if (ends.some(({ stable, written }) => stable < written)) return true
    }
    return false
  }

  /** Waits for something; says what it waited for in vain. */
  async until(what: string, isSo: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
    const end = performance.now() + withinMs
    while (!(await isSo())) {
      if (performance.now() > end) {
        this.note(`waited in vain: ${what}`)
        return false
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    return true
  }

  /** Every task is run by somebody, and everybody runs. */
  isRunning(): boolean {
    const reports = this.alive.map(({ report }) => report)
    const tasks = reports.flatMap((report) => report?.tasks ?? [])
    return tasks.length === PARTITIONS && reports.every((report) => report?.state === 'running')
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
    this.#hygiene()
    return this.#verdict(ledger, tables, drainMs)
  }

  /** Ends everything at once. */
  async abandon(): Promise<void> {
    await Promise.all(this.alive.map((worker) => worker.kill()))
    await this.#traffic.stop()
  }

  async #verdict(ledger: Ledger, tables: Parameters<typeof check>[1]['tables'], drainMs: number): Promise<Verdict> {
    const history = historyOf(this.service, await this.#read())
    const violations = [...this.#violations, ...check(history, { ledger, tables })]
    const first = violations.find(({ of }) => of !== undefined) ?? violations[0]
    return {
      name: this.name,
      violations,
      events: this.#traffic.sent,
      outcomes: history.outcomes.length,
      commits: history.steps.reduce((sum, { length }) => sum + length, 0),
      drainMs,
      story: first && printHistory(history, first, this.moments),
    }
  }

  async #read(): Promise<RawTopics> {
    const { raw } = this.stage
    const topics = new Map([...this.#topics, [`${this.service.application}-changelog`, PARTITIONS]])
    const all = new Map<string, Awaited<ReturnType<typeof raw.batches>>[]>()
    for (const [topic, partitions] of topics) {
      const found: Awaited<ReturnType<typeof raw.batches>>[] = []
      for (let partition = 0; partition < partitions; partition++) found.push(await raw.batches({ topic, partition }))
      all.set(topic, found)
    }
    return all
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

  /** I12 and I18. */
  #hygiene(): void {
    for (const { name, lines, errors, peak } of this.workers) {
      const leak = [...lines, errors].find((line) => line.includes(SECRET))
      if (leak !== undefined) this.fails('I18 no bytes of records in logs', `${name} says ${leak.slice(0, 500)}`)
      if (errors.includes('unhandled rejection')) this.fails('I18 no unhandled rejection', `${name}: ${errors}`)
      for (const [gauge, cap] of Object.entries(CAPS))
        if ((peak[gauge] ?? 0) > cap)
          this.fails('I12 bounded memory', `${gauge} of ${name} was ${peak[gauge]}, more than ${cap}`)
    }
  }

  /** The last POSITION of each task; `undefined` if its changelog has something undecided at its end. */
  async #positions(): Promise<readonly (Position | undefined)[]> {
    const topic = `${this.service.application}-changelog`
    const ends = await this.stage.raw.ends(topic, PARTITIONS)
    return Promise.all(
      ends.map(async ({ stable, written }, partition) => {
        if (stable < written) return undefined
        const { records } = committedRecords(
          topic,
          partition,
          await this.stage.raw.tail({ topic, partition }, written, TAIL),
        )
        for (const { key, value } of records.toReversed()) {
          const entry = key === null ? undefined : changelogEntry(key, value)
          if (entry?.kind === 'position') return entry.position
        }
        return undefined
      }),
    )
  }

  async #isDrained(): Promise<boolean> {
    if (!this.isRunning() || (await this.isTransactionOpen())) return false
    const positions = await this.#positions()
    for (const topic of inputsOf(this.service)) {
      const ends = await this.stage.raw.ends(topic, PARTITIONS)
      if (ends.some(({ written }, task) => (positions[task]?.inputs[topic]?.next ?? 0) < written)) return false
    }
    const waiting = positions.flatMap((position) =>
      Object.values(position?.totals ?? {}).map((totals) => totals.waiting),
    )
    return waiting.every((count) => count === 0)
  }

  async #undrained(): Promise<string> {
    const states = this.alive.map(({ name, report }) => `${name} is ${report?.state}, ${report?.problems.join('; ')}`)
    const positions = await this.#positions().catch(() => [])
    const tasks = positions.map((position, task) => `[${task}] ${JSON.stringify(position?.inputs)}`)
    return `${states.join('; ')}; ${tasks.join('; ')}; open transactions: ${await this.isTransactionOpen()}`
  }

  #heard(name: string, line: WorkerLine): void {
    if ('event' in line && ['dropped', 'dead-lettered'].includes(String(line.event.type))) return
    if (!('report' in line) && !('tables' in line)) this.note(`${name}: ${JSON.stringify(line)}`)
  }
}
