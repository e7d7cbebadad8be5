import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { type Clock, systemClock } from '../clock.js'
import { type Duration, durationMs } from '../duration.js'
import { JoineryError } from '../errors.js'
import type { Log } from '../log/contract.js'
import { type PipelineMetrics, toMetrics } from '../outcome/pipeline-metrics.js'
import { addTotals, newTotals } from '../outcome/totals.js'
import type { CallOnce } from '../pipeline/call-once.js'
import type { ApplicationPlan } from '../pipeline/plan.js'
import type { Table } from '../pipeline/table.js'
import { memoryStores } from '../store/memory/memory-stores.js'
import { cacheLimit } from '../store/row-cache.js'
import { newCounts } from '../task/counters.js'
import type { Task } from '../task/task.js'
import type { App, AppEvent, AppState, Health, Metrics, TableView } from './app.js'
import { ChangelogCalls } from './changelog-calls.js'
import type { InDoubtCalls } from './in-doubt-call.js'
import type { RunOptions } from './run-options.js'
import { TaskTableView } from './table-view.js'
import { TaskManager } from './task-manager.js'

const COMMIT_BYTES = 4 * 2 ** 20
const ABANDON_MS = 20_000
const TOKEN_BYTES = 16

/** An application from its start to its end. */
export class RunningApp implements App {
  readonly ready: Promise<void>
  readonly closed: Promise<void>
  readonly #plan: ApplicationPlan
  readonly #application: string
  readonly #log: Log<never>
  readonly #taskManager: TaskManager
  readonly #clock: Clock
  readonly #onEvent: ((event: AppEvent) => void) | undefined
  readonly #signal: AbortSignal | undefined
  readonly #sharedGauges: () => Readonly<Record<string, number>>
  readonly #counts = newCounts()
  #state: AppState = 'starting'
  #wasReady = false
  #closing: Promise<void> | undefined
  #setReady: () => void = () => {}
  #failReady: (error: Error) => void = () => {}
  #setClosed: () => void = () => {}
  #fail: (error: Error) => void = () => {}
  readonly #abort = (): void => {
    this.close().catch(() => {}) // `closed` carries the error
  }

  constructor(plan: ApplicationPlan, options: Omit<RunOptions<never>, 'guarantee'>) {
    this.#plan = plan
    this.#application = options.application
    this.#log = options.log
    this.#clock = options.clock ?? systemClock
    this.#onEvent = options.onEvent
    this.#signal = options.signal
    this.ready = new Promise((resolve, reject) => {
      this.#setReady = resolve
      this.#failReady = reject
    })
    this.closed = new Promise((resolve, reject) => {
      this.#setClosed = resolve
      this.#fail = (error) => {
        this.#failReady(error)
        reject(error)
      }
    })
    // who does not look at them is told by the other, or by `health`
    this.ready.catch(() => {})
    this.closed.catch(() => {})
    const { application, log, maxIdle = '0ms' } = options
    const random = options.randomBytes ?? randomBytes
    const newToken = () => Buffer.from(random(TOKEN_BYTES)).toString('hex')
    const stores = options.stores ?? memoryStores()
    this.#sharedGauges = () => ({ ...log.gauges?.(), ...stores.gauges?.() })
    this.#taskManager = new TaskManager({
      application,
      plan,
      log,
      stores,
      cache: cacheLimit(options.cache ?? { bytes: '16MiB' }),
      counts: this.#counts,
      clock: this.#clock,
      commitEveryMs: durationMs(options.commitEvery ?? '100ms', 'commitEvery'),
      commitBytes: COMMIT_BYTES,
      maxIdleMs: maxIdle === 'never' ? -1 : durationMs(maxIdle, 'maxIdle'),
      claimant: {
        instance: newToken(),
        host: options.claimant?.host ?? hostname(),
        pid: options.claimant?.pid ?? process.pid,
        startedAt: this.#clock.now(),
      },
      newToken,
      emit: (event) => this.#emit(event),
      failed: (error) => this.#failed(error),
      changed: () => this.#changed(),
    })
  }

  async start(): Promise<void> {
    if (this.#signal?.aborted)
      throw new JoineryError('APP_CLOSED', 'the signal was aborted before the application started', {
        cause: this.#signal.reason,
      })
    await this.#taskManager.start()
    this.#signal?.addEventListener('abort', this.#abort, { once: true })
    if (this.#signal?.aborted) this.#abort()
  }

  health(): Health {
    return {
      live: this.#state !== 'failed',
      ready: this.#state === 'running',
      started: this.#wasReady,
      state: this.#state,
      problems: this.#taskManager.problems,
    }
  }

  metrics(): Metrics {
    const tasks: Record<string, Record<string, PipelineMetrics>> = {}
    const pipelines: Record<string, PipelineMetrics> = {}
    const gauges: Record<string, number> = { ...this.#sharedGauges(), tasks: this.#taskManager.tasks.length }
    for (const { name } of [...this.#plan.pipelines, ...this.#plan.calls]) {
      const sum = newTotals()
      let oldest = 0
      tasks[name] = {}
      for (const task of this.#taskManager.tasks) {
        const totals = task.totals[name]
        if (totals === undefined) continue
        const oldestWaiterMs = task.oldestWaiterMs(name)
        tasks[name][String(task.partition)] = toMetrics(totals, oldestWaiterMs)
        addTotals(sum, totals)
        oldest = Math.max(oldest, oldestWaiterMs)
      }
      pipelines[name] = toMetrics(sum, oldest)
    }
    for (const task of this.#taskManager.tasks) {
      for (const [name, value] of Object.entries(task.gauges())) gauges[name] = (gauges[name] ?? 0) + value
    }
    return { pipelines, tasks, gauges, counts: { ...this.#counts } }
  }

  query<K, T>(table: Table<K, T>): TableView<K, T> {
    const plan = this.#plan.tables.find(({ topic }) => topic === table.topic.name)
    if (plan === undefined)
      throw new JoineryError('OPTION_INVALID', `no pipeline of this application joins table ${table.topic.name}`, {
        topic: table.topic.name,
      })
    return new TaskTableView(table, plan, this.#taskManager, () => this.#state === 'closed' || this.#state === 'failed')
  }

  inDoubtCalls<K, R>({ name }: CallOnce<K, R>): InDoubtCalls<R> {
    const plan = this.#plan.calls.find((each) => each.name === name)
    if (plan === undefined)
      throw new JoineryError('OPTION_INVALID', `no pipeline ${name} of this application makes calls`)
    return new ChangelogCalls({ application: this.#application, log: this.#log, clock: this.#clock, plans: [plan] })
  }

  close({ timeout = '20s' }: { readonly timeout?: Duration } = {}): Promise<void> {
    this.#closing ??= this.#close(durationMs(timeout, 'timeout'))
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Ends as a crash would: nothing that is not committed is kept. */
  async abandon(): Promise<void> {
    this.#closing ??= this.#close(ABANDON_MS, 'crash')
    await this.#closing
  }

  /** The tasks of this instance. */
  get tasks(): readonly Task[] {
    return this.#taskManager.tasks
  }

  async #close(timeoutMs: number, how: 'close' | 'crash' = 'close'): Promise<void> {
    const hasFailed = this.#state === 'failed'
    this.#signal?.removeEventListener('abort', this.#abort)
    if (!hasFailed) this.#to('closing')
    this.#failReady(new JoineryError('APP_CLOSED', 'the application was closed before it was ready'))
    const done = this.#taskManager.close(hasFailed ? 'abandon' : how).then(() => true)
    const late = new Promise<boolean>((resolve) => {
      const timer = this.#clock.setTimeout(() => resolve(false), timeoutMs)
      done.then(
        () => timer.cancel(),
        () => timer.cancel(),
      )
    })
    try {
      if (!(await Promise.race([done, late]))) {
        done.catch(() => {}) // it was waited for long enough
        this.#taskManager.close('abandon').catch(() => {}) // what it cannot end, nobody waits for
        throw new JoineryError(
          'APP_CLOSED',
          `the application did not close within ${timeoutMs} ms: what was not committed is processed again by the next owner`,
        )
      }
      if (!hasFailed) this.#to('closed')
      this.#setClosed()
    } catch (error) {
      this.#to('failed')
      this.#fail(error as Error)
      throw error
    }
  }

  #failed(error: Error): void {
    if (this.#state === 'failed' || this.#state === 'closed') return
    this.#to('failed')
    this.#fail(error)
    this.close().catch(() => {}) // the first error is the one to tell
  }

  #changed(): void {
    if (this.#closing !== undefined || this.#state === 'failed') return
    const isRunning = this.#taskManager.isAssigned && this.#taskManager.tasks.every(({ phase }) => phase === 'running')
    this.#to(isRunning ? 'running' : 'restoring')
    if (!isRunning) return
    this.#wasReady = true
    this.#setReady()
  }

  #emit(event: AppEvent): void {
    const isWithoutTasks = event.type === 'revoked' || event.type === 'lost'
    if (isWithoutTasks && this.#closing === undefined && this.#state !== 'failed') this.#to('rebalancing')
    this.#notify(event)
  }

  /** A listener that throws is a bug that somebody has to see; nothing is lost by stopping. */
  #notify(event: AppEvent): void {
    try {
      this.#onEvent?.(event)
    } catch (cause) {
      this.#failed(new JoineryError('FUNCTION_THREW', `onEvent threw at an event ${event.type}`, { cause }))
    }
  }

  #to(to: AppState): void {
    const from = this.#state
    if (from === to) return
    this.#state = to
    this.#notify({ type: 'state', from, to })
  }
}
