import { type Duration, durationMs } from '../duration.js'
import { JoineryError } from '../errors.js'
import { JoinKeys } from '../keys/join-keys.js'
import { RecordError } from '../outcome/record-error.js'
import type { CallOnce } from '../pipeline/call-once.js'
import type { ApplicationPlan } from '../pipeline/plan.js'
import type { Table } from '../pipeline/table.js'
import type { Task } from '../task/task.js'
import { checkOptionNames } from '../unknown-options.js'
import type { App, Health, Metrics, TableView } from './app.js'
import type { AppEvent } from './app-event.js'
import { appMetrics, stallGauges } from './app-metrics.js'
import { AppPromises } from './app-promises.js'
import { type AppSettings, appSettings } from './app-settings.js'
import { type AppState, nextState } from './app-state.js'
import { ChangelogCalls } from './calls/changelog-calls.js'
import type { InDoubtCalls } from './calls/in-doubt-call.js'
import type { RunOptions } from './run-options.js'
import { TaskTableView } from './table-view.js'
import { TaskManager } from './task-manager.js'
import { unlessAborted } from './unless-aborted.js'

const CLOSE_TIMEOUT_MS = 20_000

/** A running application. */
export class RunningApp implements App {
  readonly #promises = new AppPromises()
  readonly #settings: AppSettings
  readonly #taskManager: TaskManager
  readonly #joinKeys: JoinKeys
  readonly #onEvent: ((event: AppEvent) => void) | undefined
  readonly #signal: AbortSignal | undefined
  readonly #sharedGauges: () => Readonly<Record<string, number>>
  #state: AppState = 'starting'
  #wasReady = false
  #closing: Promise<void> | undefined
  /** The error of the record that halts the application, once everything before it is committed. */
  #halt: RecordError | undefined
  #failure: Error | undefined
  readonly #abort = (): void => {
    this.#closeOnce(CLOSE_TIMEOUT_MS).catch(() => {}) // `closed` carries the error
  }

  constructor(plan: ApplicationPlan, options: Omit<RunOptions<never>, 'guarantee'>) {
    const settings = appSettings(plan, options)
    const { stores, log } = settings
    this.#settings = settings
    this.#onEvent = options.onEvent
    this.#signal = options.signal
    this.#sharedGauges = () => ({ ...log.gauges?.(), ...stores.gauges?.(), ...this.#joinKeys.gauges })
    this.#joinKeys = new JoinKeys(plan, (mismatch) => this.#emit({ type: 'keys-differ', ...mismatch }))
    this.#taskManager = new TaskManager({
      ...settings,
      joinKeys: this.#joinKeys,
      emit: (event) => this.#emit(event),
      failed: (error) => this.#stopWithError(error),
      changed: () => this.#changed(),
      checked: () => {
        if (this.#state === 'running' || this.#state === 'restoring') this.#changed()
      },
    })
  }

  get ready(): Promise<void> {
    return this.#promises.ready
  }

  get closed(): Promise<void> {
    return this.#promises.closed
  }

  /** Connects and joins the group, unless the signal is aborted first. */
  async start(): Promise<void> {
    const signal = this.#signal
    try {
      await unlessAborted(signal, () => this.#taskManager.start())
    } catch (error) {
      if (signal?.aborted) this.#taskManager.close('closeDirty').catch(() => {})
      throw error
    }
    signal?.addEventListener('abort', this.#abort, { once: true })
    if (signal?.aborted) this.#abort()
    this.#promises.handOut()
  }

  health(): Health {
    const logProblems = this.#settings.log.problems?.() ?? []
    return {
      live: this.#state !== 'failed',
      ready: this.#state === 'running' && this.#taskManager.areTasksRunning,
      started: this.#wasReady,
      state: this.#state,
      problems: [
        ...(this.#failure === undefined ? [] : [`the application has failed: ${this.#failure.message}`]),
        ...logProblems,
        ...this.#joinKeys.problems,
        ...this.#taskManager.problems,
      ],
      stalled: this.#taskManager.stalled.map((each) => ({ ...each, reasons: [...each.reasons, ...logProblems] })),
    }
  }

  metrics(): Metrics {
    const { tasks, stalled } = this.#taskManager
    const gauges = { ...this.#sharedGauges(), ...stallGauges(stalled) }
    return appMetrics(this.#settings.plan, tasks, { ...this.#settings, gauges })
  }

  query<K, T>(table: Table<K, T>): TableView<K, T> {
    const plan = this.#settings.plan.tables.find(({ topic }) => topic === table.topic.name)
    if (plan === undefined)
      throw new JoineryError('OPTION_INVALID', `no pipeline of this application joins table ${table.topic.name}`, {
        topic: table.topic.name,
      })
    const isOver = () => this.#state === 'closed' || this.#state === 'failed'
    return new TaskTableView(table, plan, this.#taskManager, this.#joinKeys, isOver)
  }

  inDoubtCalls<K, R>({ name }: CallOnce<K, R>): InDoubtCalls<R> {
    const { application, log, clock, plan: all } = this.#settings
    const plan = all.calls.find((each) => each.name === name)
    if (plan === undefined)
      throw new JoineryError('OPTION_INVALID', `no pipeline ${name} of this application makes calls`)
    return new ChangelogCalls({ application, log, clock, plans: [plan] })
  }

  close(options: { readonly timeout?: Duration } = {}): Promise<void> {
    checkOptionNames('close', options, { timeout: true })
    const { timeout = CLOSE_TIMEOUT_MS } = options
    const timeoutMs = durationMs(timeout, 'timeout')
    this.#promises.closeCalled()
    return this.#closeOnce(timeoutMs)
  }

  #closeOnce(timeoutMs: number, how: 'close' | 'crash' = 'close'): Promise<void> {
    this.#closing ??= this.#close(timeoutMs, how)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Simulates the death of the process: ends without a commit. */
  crash(): Promise<void> {
    this.#promises.closeCalled()
    return this.#closeOnce(CLOSE_TIMEOUT_MS, 'crash')
  }

  /** The tasks of this instance. */
  get tasks(): readonly Task[] {
    return this.#taskManager.tasks
  }

  async #close(timeoutMs: number, how: 'close' | 'crash'): Promise<void> {
    const hasFailed = this.#state === 'failed'
    this.#signal?.removeEventListener('abort', this.#abort)
    if (!hasFailed) this.#to('closing')
    if (this.#halt === undefined)
      this.#promises.neverReady(new JoineryError('APP_CLOSED', 'the application was closed before it was ready'))
    const done = this.#taskManager.close(hasFailed ? 'closeDirty' : how).then(() => true)
    const timedOut = new Promise<boolean>((resolve) => {
      const timer = this.#settings.clock.setTimeout(() => resolve(false), timeoutMs)
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
      const failure = this.#halt ?? (hasFailed ? undefined : this.#failure)
      if (failure !== undefined) throw failure
      if (!hasFailed) this.#to('closed')
      this.#promises.close()
    } catch (error) {
      const failure = this.#halt ?? (error as Error)
      this.#fail(failure)
      throw failure
    }
  }

  #fail(error: Error): void {
    if (this.#failure === undefined) {
      this.#failure = error
      this.#promises.fail(error)
    }
    this.#to('failed')
  }

  #stopWithError(error: Error): void {
    if (this.#state === 'failed' || this.#state === 'closed') return
    if (this.#halt !== undefined && error instanceof RecordError) return // the first one is reported
    if (error instanceof RecordError && this.#closing === undefined) {
      this.#halt = error
      // the other tasks commit what they have computed; the record's own task has done so
      this.#closeOnce(this.#haltTimeoutMs).catch(() => {
        this.#closing = Promise.resolve() // an application that has failed is closed
      })
      return
    }
    this.#fail(error)
    this.#closeOnce(CLOSE_TIMEOUT_MS).catch(() => {}) // the first error is the one to report
  }

  /** Time for the calls that other tasks have begun: without their outcomes they would be in doubt. */
  get #haltTimeoutMs(): number {
    return Math.max(0, ...this.#settings.plan.calls.map(({ timeoutMs }) => timeoutMs)) + CLOSE_TIMEOUT_MS
  }

  #changed(): void {
    if (this.#closing !== undefined || this.#state === 'failed') return
    const isRunning = this.#taskManager.areTasksRunning
    this.#to(isRunning ? 'running' : 'restoring')
    if (!isRunning) return
    this.#wasReady = true
    this.#promises.becomeReady()
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
