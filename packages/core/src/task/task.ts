import { failpoint } from '@joinery/failpoint'
import { isJoineryError, JoineryError } from '../errors.js'
import type { Totals } from '../outcome/totals.js'
import { openAttempt } from './open-attempt.js'
import { ReopenBackoff } from './reopen-backoff.js'
import { steadyTime } from './steady-time.js'
import { isStoreLost, type TaskStore } from './stores/task-store.js'
import { TaskStores } from './stores/task-stores.js'
import type { TaskAttempt, TaskAttemptListener, TaskControl } from './task-attempt.js'
import { TaskFigures } from './task-figures.js'
import type { TaskOptions } from './task-options.js'
import { nextPhase, type OwnPhase, type TaskPhase } from './task-phase.js'
import { taskProblems } from './task-problems.js'
import type { TaskState } from './task-state.js'
import { Wakeup } from './wakeup.js'

/** One partition of all inputs of an application: is opened, runs, and is reopened when a commit fails. */
export class Task {
  readonly partition: number
  readonly #options: TaskOptions
  readonly #wakeup: Wakeup
  readonly #stores: TaskStores
  readonly #now: () => number
  readonly #figures: TaskFigures
  readonly #ended: Promise<void>
  readonly #control: TaskControl = { isPaused: false, isEnding: false, isAbandoned: false }
  readonly #attemptListener: TaskAttemptListener
  #abort = new AbortController()
  #attempt: TaskAttempt | undefined
  #phase: OwnPhase = 'opening'
  #totals: Readonly<Record<string, Totals>> = {}
  /** What is being retried, as text. */
  #problem: string | undefined
  readonly #backoff = new ReopenBackoff()
  #drained: (() => void)[] = []

  constructor(options: TaskOptions) {
    this.partition = options.partition
    this.#options = options
    this.#wakeup = new Wakeup(options.clock)
    this.#stores = new TaskStores(options.stores, options.application, options.partition)
    this.#now = steadyTime(options.clock)
    this.#figures = new TaskFigures(this.#now)
    this.#attemptListener = {
      running: () => {
        this.#enter('running')
        options.listener.running()
      },
      drained: () => this.#notifyDrained(),
      commitEnded: (totals) => {
        this.#problem = undefined
        if (totals === undefined) return
        this.#totals = totals
        this.#backoff.reset()
      },
      retrying: (error, inMs) => {
        this.#problem = `task ${this.partition} is retrying: ${error.message}`
        options.listener.retrying(error, inMs)
      },
    }
    this.#ended = this.#runLoop().catch((error: unknown) => {
      this.#enter('ended')
      this.#notifyDrained()
      options.listener.halted(error as Error)
    })
  }

  get phase(): TaskPhase {
    return this.#control.isPaused && this.#phase === 'running' ? 'paused' : this.#phase
  }

  /** As of the last commit. */
  get totals(): Readonly<Record<string, Totals>> {
    return this.#totals
  }

  /** The state of the current attempt; `undefined` while there is none. */
  get state(): TaskState | undefined {
    return this.#attempt?.state
  }

  /** The longest wait of an event, in milliseconds; between attempts, the last one known. */
  oldestWaitMs(pipeline: string): number {
    return this.#figures.oldestWaitMs(this.#attempt, pipeline)
  }

  /** Current problems, as text. */
  get problems(): readonly string[] {
    const own = this.#problem === undefined ? [] : [this.#problem]
    return this.state === undefined ? own : [...own, ...taskProblems(this.partition, this.state, this.#now())]
  }

  /** Sizes of the task's bounded buffers and caches; between attempts, the last ones known. */
  gauges(): Readonly<Record<string, number>> {
    return this.#figures.gauges(this.#attempt)
  }

  /** Whether there is nothing to do until something arrives or time passes. */
  get isIdle(): boolean {
    return this.#attempt?.isIdle === true && this.#wakeup.isWaiting
  }

  /** The store of a table, once it holds all rows that were there at the opening; `undefined` if it is stale. */
  storeOf(topic: string): TaskStore | undefined {
    return this.#attempt?.storeOf(topic)
  }

  /** A query failed: a task whose store is lost is reopened at once. */
  queryFailed(error: unknown): void {
    if (isStoreLost(error)) this.#attempt?.fail(error)
  }

  /** Number of call functions that have not settled. */
  get runningCalls(): number {
    return this.#attempt?.runningCalls ?? 0
  }

  /** Commits what has been processed, and takes no more until {@link resume}. Also resolves when the task ends. */
  async quiesce(): Promise<void> {
    this.#control.isPaused = true
    if (this.#phase === 'ended') return
    if (this.#attempt === undefined) this.#abort.abort()
    this.#wakeup.wake()
    await new Promise<void>((resolve) => this.#drained.push(resolve))
  }

  /** Continues after {@link quiesce}. */
  resume(): void {
    this.#control.isPaused = false
    this.#backoff.reset() // the cause of earlier failures may have ended with the last assignment
    this.#notifyDrained()
    this.#wakeup.wake()
  }

  /** Commits what has been processed, and ends the task. */
  async close(): Promise<void> {
    for (const running of this.#options.running.values()) running.stop()
    this.#control.isEnding = true
    this.#control.isPaused = true
    if (this.#phase === 'opening' || this.#phase === 'restoring') this.#abort.abort()
    this.#wakeup.wake()
    await this.#ended
  }

  /** Ends at once, without a commit. `'crash'` simulates the death of the process: calls report nothing, either. */
  async abandon(how: 'lost' | 'crash' = 'lost'): Promise<void> {
    if (how === 'crash') for (const running of this.#options.running.values()) running.discard()
    this.#control.isEnding = true
    this.#control.isAbandoned = true
    this.#abort.abort()
    this.#wakeup.wake()
    await this.#ended
  }

  async #runLoop(): Promise<void> {
    while (!this.#control.isEnding) {
      let failure: JoineryError | undefined
      try {
        if (this.#control.isPaused) {
          this.#notifyDrained()
          await this.#wakeup.wait(undefined)
          continue
        }
        const run = await this.#open()
        await run.work()
      } catch (error) {
        if (this.#control.isEnding) break
        // cancelled; the task may have been resumed before this was noticed
        const isCancelled = this.#control.isPaused || this.#abort.signal.aborted
        if (isCancelled && this.#attempt === undefined) continue
        if (!isStoreLost(error) && !(isJoineryError(error) && error.retriable)) {
          await this.#end()
          this.#options.listener.halted(error as Error)
          return
        }
        failure = error
      }
      await this.#backOff(failure)
    }
    await this.#end()
  }

  /** Waits before the task is reopened, except after a first failed commit. */
  async #backOff(failure: JoineryError | undefined): Promise<void> {
    const { clock, partition } = this.#options
    const { reopen } = this.#attempt ?? {}
    const { ms, isFirst: isFirstFailure } = this.#backoff.failed()
    const isFirst = failure === undefined && isFirstFailure
    const why = failure ?? new JoineryError('LOG_FAILED', `${reopen}, again`, { retriable: true, partition })
    if (!isFirst && !this.#control.isEnding) this.#attemptListener.retrying(why, ms)
    await this.#discard()
    if (isFirst) return
    this.#backoff.waitUntil(clock.monotonic() + ms)
    while (clock.monotonic() < this.#backoff.until && !this.#control.isPaused && !this.#control.isEnding)
      await this.#wakeup.wait(this.#backoff.until)
  }

  async #end(): Promise<void> {
    await this.#discard()
    for (const [pipeline, running] of this.#options.running)
      running.handOff((report) => this.#options.report(pipeline, report))
    await this.#stores.close()
    this.#enter('ended')
    this.#notifyDrained()
  }

  #notifyDrained(): void {
    for (const resolve of this.#drained.splice(0)) resolve()
  }

  async #open(): Promise<TaskAttempt> {
    const { clock, listener } = this.#options
    const began = clock.monotonic()
    this.#abort = new AbortController()
    const attempt = await openAttempt({
      options: this.#options,
      stores: this.#stores,
      control: this.#control,
      wakeup: this.#wakeup,
      now: this.#now,
      signal: this.#abort.signal,
      attemptListener: this.#attemptListener,
      enter: (phase) => this.#enter(phase),
    })
    this.#attempt = attempt
    this.#totals = attempt.totals
    attempt.start()
    this.#enter('loading')
    this.#problem = undefined
    listener.restored(this.partition, attempt.state.restoredRows, Math.round(clock.monotonic() - began))
    return attempt
  }

  #enter(phase: OwnPhase): void {
    this.#phase = nextPhase(this.#phase, phase)
  }

  /** Discards everything since the last commit. */
  async #discard(): Promise<void> {
    const run = this.#attempt
    if (run !== undefined) this.#figures.keep(run)
    this.#attempt = undefined
    if (!this.#control.isPaused) this.#notifyDrained()
    if (run === undefined) return
    if (run.reopen !== undefined && !this.#control.isEnding)
      this.#options.listener.reopening(this.partition, run.reopen)
    await run.stop()
    failpoint('reopen.discarded')
  }
}
