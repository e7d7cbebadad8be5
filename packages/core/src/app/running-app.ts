import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { type Clock, systemClock } from '../clock.js'
import { type Duration, durationMs } from '../duration.js'
import { JoineryError } from '../errors.js'
import type { Log } from '../log/contract.js'
import type { CallOnce } from '../pipeline/call-once.js'
import type { ApplicationPlan } from '../pipeline/plan.js'
import type { Table } from '../pipeline/table.js'
import { memoryStores } from '../store/memory/memory-stores.js'
import { cacheLimit } from '../store/row-cache.js'
import { newCounts } from '../task/counters.js'
import type { Task } from '../task/task.js'
import { checkOptionNames } from '../unknown-options.js'
import type { App, AppEvent, Health, Metrics, TableView } from './app.js'
import { appMetrics } from './app-metrics.js'
import { type AppState, nextState } from './app-state.js'
import { ChangelogCalls } from './changelog-calls.js'
import { Deferred } from './deferred.js'
import type { InDoubtCalls } from './in-doubt-call.js'
import type { RunOptions } from './run-options.js'
import { TaskTableView } from './table-view.js'
import { TaskManager } from './task-manager.js'

const COMMIT_BYTES = 4 * 2 ** 20
const CRASH_TIMEOUT_MS = 20_000
const RANDOM_ID_BYTES = 16

/** A running application. */
export class RunningApp implements App {
  readonly #ready = new Deferred()
  readonly #closed = new Deferred()
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
    const { application, log, maxIdle = '0ms' } = options
    const random = options.randomBytes ?? randomBytes
    const randomId = () => Buffer.from(random(RANDOM_ID_BYTES)).toString('hex')
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
        instance: randomId(),
        host: options.claimant?.host ?? hostname(),
        pid: options.claimant?.pid ?? process.pid,
        startedAt: this.#clock.now(),
      },
      newToken: randomId,
      emit: (event) => this.#emit(event),
      failed: (error) => this.#stopWithError(error),
      changed: () => this.#changed(),
    })
  }

  get ready(): Promise<void> {
    return this.#ready.promise
  }

  get closed(): Promise<void> {
    return this.#closed.promise
  }

  /** Connects and joins the group, unless the signal is aborted first. */
  async start(): Promise<void> {
    const signal = this.#signal
    if (signal === undefined) return this.#taskManager.start()
    const aborted = new Deferred()
    const abort = (): void =>
      aborted.reject(
        new JoineryError('APP_CLOSED', 'the signal was aborted before the application had started', {
          cause: signal.reason,
        }),
      )
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    const started = signal.aborted ? aborted.promise : this.#taskManager.start()
    try {
      await Promise.race([started, aborted.promise])
    } catch (error) {
      started.catch(() => {}) // the log may fail later: its result is no longer needed
      if (signal.aborted) this.#taskManager.close('closeDirty').catch(() => {})
      throw error
    } finally {
      signal.removeEventListener('abort', abort)
    }
    signal.addEventListener('abort', this.#abort, { once: true })
    if (signal.aborted) this.#abort()
  }

  health(): Health {
    return {
      live: this.#state !== 'failed',
      ready: this.#state === 'running',
      started: this.#wasReady,
      state: this.#state,
      problems: [...(this.#log.problems?.() ?? []), ...this.#taskManager.problems],
    }
  }

  metrics(): Metrics {
    return appMetrics(this.#plan, this.#taskManager.tasks, this.#counts, this.#sharedGauges())
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

  close(options: { readonly timeout?: Duration } = {}): Promise<void> {
    checkOptionNames('close', options, { timeout: true })
    const { timeout = '20s' } = options
    this.#closing ??= this.#close(durationMs(timeout, 'timeout'))
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Simulates the death of the process: ends without a commit. */
  async crash(): Promise<void> {
    this.#closing ??= this.#close(CRASH_TIMEOUT_MS, 'crash')
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
    this.#ready.reject(new JoineryError('APP_CLOSED', 'the application was closed before it was ready'))
    const done = this.#taskManager.close(hasFailed ? 'closeDirty' : how).then(() => true)
    const timedOut = new Promise<boolean>((resolve) => {
      const timer = this.#clock.setTimeout(() => resolve(false), timeoutMs)
      done.then(
        () => timer.cancel(),
        () => timer.cancel(),
      )
    })
    try {
      if (!(await Promise.race([done, timedOut]))) {
        done.catch(() => {}) // the timeout is the error to report
        this.#taskManager.close('closeDirty').catch(() => {})
        throw new JoineryError(
          'APP_CLOSED',
          `the application did not close within ${timeoutMs} ms: what was not committed is processed again by the next owner`,
        )
      }
      if (!hasFailed) this.#to('closed')
      this.#closed.resolve()
    } catch (error) {
      this.#to('failed')
      this.#rejectPromises(error as Error)
      throw error
    }
  }

  #rejectPromises(error: Error): void {
    this.#ready.reject(error)
    this.#closed.reject(error)
  }

  #stopWithError(error: Error): void {
    if (this.#state === 'failed' || this.#state === 'closed') return
    this.#to('failed')
    this.#rejectPromises(error)
    this.close().catch(() => {}) // the first error is the one to report
  }

  #changed(): void {
    if (this.#closing !== undefined || this.#state === 'failed') return
    const isRunning = this.#taskManager.isAssigned && this.#taskManager.tasks.every(({ phase }) => phase === 'running')
    this.#to(isRunning ? 'running' : 'restoring')
    if (!isRunning) return
    this.#wasReady = true
    this.#ready.resolve()
  }

  #emit(event: AppEvent): void {
    const isRebalancing = event.type === 'revoked' || event.type === 'lost'
    if (isRebalancing && this.#closing === undefined && this.#state !== 'failed') this.#to('rebalancing')
    this.#notify(event)
  }

  /** An error of the listener stops the application: it is a bug that must not be hidden, and nothing is lost. */
  #notify(event: AppEvent): void {
    try {
      this.#onEvent?.(event)
    } catch (cause) {
      this.#stopWithError(new JoineryError('FUNCTION_THREW', `onEvent threw for the event ${event.type}`, { cause }))
    }
  }

  #to(to: AppState): void {
    const from = this.#state
    if (from === to) return
    this.#state = nextState(from, to)
    this.#notify({ type: 'state', from, to })
  }
}
