import { failpoint } from '@joinery/failpoint'
import { isJoineryError, JoineryError } from '../errors.js'
import type { Totals } from '../outcome/totals.js'
import { restoreTask } from './restore/restore-task.js'
import { steadyTime } from './steady-time.js'
import { isStoreLost, type TaskStore } from './stores/task-store.js'
import { TaskStores } from './stores/task-stores.js'
import { TaskAttempt, type TaskAttemptListener, type TaskControl } from './task-attempt.js'
import { oldestWaitMs } from './task-gauges.js'
import type { TaskOptions } from './task-options.js'
import { nextPhase, type OwnPhase, type TaskPhase } from './task-phase.js'
import { taskProblems } from './task-problems.js'
import type { TaskState } from './task-state.js'
import { Wakeup } from './wakeup.js'

const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000
/** So often the time between two tries is doubled. */
const MAX_DOUBLINGS = 6

/** Figures of a task. */
interface TaskFigures {
  readonly gauges: Readonly<Record<string, number>>
  /** By pipeline. */
  readonly oldestWaitMs: Readonly<Record<string, number>>
}

/** One partition of all of an application's inputs: is opened, runs, and is opened again when a commit fails. */
export class Task {
  readonly partition: number
  readonly #options: TaskOptions
  readonly #wakeup: Wakeup
  readonly #stores: TaskStores
  readonly #now: () => number
  readonly #ended: Promise<void>
  readonly #control: TaskControl = { isPaused: false, isEnding: false, isAbandoned: false }
  readonly #attemptListener: TaskAttemptListener
  #abort = new AbortController()
  #attempt: TaskAttempt | undefined
  #phase: OwnPhase = 'opening'
  /** Figures of the last attempt, for the time when there is none. */
  #lastFigures: TaskFigures = { gauges: {}, oldestWaitMs: {} }
  #totals: Readonly<Record<string, Totals>> = {}
  /** What is being tried again. */
  #problem: string | undefined
  /** How often it was opened in vain since its last commit. */
  #failedAttempts = 0
  /** Not opened again before, in monotonic milliseconds. */
  #backoffUntil = 0
  #drained: (() => void)[] = []

  constructor(options: TaskOptions) {
    this.partition = options.partition
    this.#options = options
    this.#wakeup = new Wakeup(options.clock)
    this.#stores = new TaskStores(options.stores, options.application, options.partition)
    this.#now = steadyTime(options.clock)
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
        this.#failedAttempts = 0
      },
      retrying: (error, inMs) => {
        this.#problem = `task ${this.partition} tries again: ${error.message}`
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

  /** What was made of the log at the last opening; `undefined` while it is not open. */
  get state(): TaskState | undefined {
    return this.#attempt?.state
  }

  /** The longest wait of an event of a pipeline, in milliseconds; after the end as it was then. */
  oldestWaitMs(pipeline: string): number {
    const { state } = this
    return state === undefined
      ? (this.#lastFigures.oldestWaitMs[pipeline] ?? 0)
      : oldestWaitMs(state, pipeline, this.#now())
  }

  /** What is not as it should be, in words. */
  get problems(): readonly string[] {
    const own = this.#problem === undefined ? [] : [this.#problem]
    return this.#attempt === undefined
      ? own
      : [...own, ...taskProblems(this.partition, this.#attempt.state, this.#now())]
  }

  /** Sizes of everything here that is bounded; after the end as they were then. */
  gauges(): Readonly<Record<string, number>> {
    return this.#attempt?.gauges() ?? this.#lastFigures.gauges
  }

  /** Whether nothing is left to do until something arrives or time passes. */
  get isIdle(): boolean {
    return this.#attempt?.isIdle === true && this.#wakeup.isWaiting
  }

  /** The store of a table, with all rows that were there when the task was opened; `undefined` as long as it has not. */
  storeOf(topic: string): TaskStore | undefined {
    return this.#attempt?.storeOf(topic)
  }

  /** A query has met an error: a store that is lost is opened again, without waiting for a record that meets it too. */
  queryFailed(error: unknown): void {
    if (isStoreLost(error)) this.#attempt?.fail(error)
  }

  /** Functions of calls that have not settled. */
  get runningCalls(): number {
    return this.#attempt?.runningCalls ?? 0
  }

  /**
   * Commits what has been processed, and takes no more until {@link resume}. An opening is called off. Resolves also when
   * the task has ended, or was told to go on before.
   */
  async quiesce(): Promise<void> {
    this.#control.isPaused = true
    if (this.#phase === 'ended') return
    if (this.#attempt === undefined) this.#abort.abort()
    await new Promise<void>((resolve) => {
      this.#drained.push(resolve)
      this.#wakeup.wake()
    })
  }

  /** Goes on after {@link quiesce}. */
  resume(): void {
    this.#control.isPaused = false
    this.#failedAttempts = 0 // what kept it from its work may be over with the assignment before
    this.#backoffUntil = 0
    this.#notifyDrained()
    this.#wakeup.wake()
  }

  /** Commits what is there and ends. */
  async close(): Promise<void> {
    for (const running of this.#options.running.values()) running.stop()
    this.#control.isEnding = true
    this.#control.isPaused = true
    if (this.#phase === 'opening' || this.#phase === 'restoring') this.#abort.abort()
    this.#wakeup.wake()
    await this.#ended
  }

  /**
   * Ends at once: nothing is flushed, nothing is opened again.
   *
   * @param how `'crash'`: as if the process had died, so calls tell nothing any more
   */
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
        // called off; the task may have been told to go on before it was noticed
        const isCalledOff = this.#control.isPaused || this.#abort.signal.aborted
        if (isCalledOff && this.#attempt === undefined) continue
        if (!(isStoreLost(error) || (isJoineryError(error) && error.retriable))) {
          await this.#discard()
          await this.#end()
          this.#options.listener.halted(error as Error)
          return
        }
        failure = error
      }
      await this.#backOff(failure)
    }
    await this.#discard()
    await this.#end()
  }

  /**
   * Rests before the task is opened again, unless something else is wanted of it: that something has arrived is no reason.
   * After a commit that failed it is opened at once, but not again and again.
   */
  async #backOff(failure: JoineryError | undefined): Promise<void> {
    const { clock, partition } = this.#options
    const { reopen } = this.#attempt ?? {}
    const ms = retryMs(this.#failedAttempts++)
    const isFirst = failure === undefined && this.#failedAttempts === 1
    const why = failure ?? new JoineryError('LOG_FAILED', `${reopen}, again`, { retriable: true, partition })
    if (!isFirst && !this.#control.isEnding) this.#attemptListener.retrying(why, ms)
    await this.#discard()
    if (isFirst) return
    this.#backoffUntil = clock.monotonic() + ms
    while (clock.monotonic() < this.#backoffUntil && !this.#control.isPaused && !this.#control.isEnding)
      await this.#wakeup.wait(this.#backoffUntil)
  }

  async #end(): Promise<void> {
    for (const [pipeline, running] of this.#options.running)
      running.handOff((report) => this.#options.report(pipeline, report))
    await this.#stores.close()
    this.#enter('ended')
    this.#notifyDrained()
  }

  #notifyDrained(): void {
    for (const resolve of this.#drained.splice(0)) resolve()
  }

  /** Fence, restore, read on: the one way to state, after a start as after any commit that failed. */
  async #open(): Promise<TaskAttempt> {
    const { clock, tasks, application, partition, listener, verifyMembership } = this.#options
    this.#enter('opening')
    this.#abort = new AbortController()
    const proof = await verifyMembership()
    if (proof !== 'member')
      throw new JoineryError('TASK_LOST', `task ${partition} waits for the group: this member is ${proof}`, {
        retriable: true,
        partition,
      })
    failpoint('open.proved')
    const session = await tasks.open({ application, task: partition })
    this.#enter('restoring')
    const began = clock.monotonic()
    const { signal } = this.#abort
    const state = await restoreTask({
      setup: this.#options,
      session,
      taskStores: this.#stores,
      now: this.#now,
      monotonic: () => clock.monotonic(),
      wake: this.#wakeup.wake,
      signal,
    }).catch(async (error) => {
      await session.close()
      throw error
    })
    const run = new TaskAttempt(state, {
      ...this.#options,
      control: this.#control,
      wakeup: this.#wakeup,
      now: this.#now,
      signal,
      attemptListener: this.#attemptListener,
    })
    this.#attempt = run
    this.#totals = run.totals
    run.start()
    this.#enter('loading')
    this.#problem = undefined
    listener.restored(partition, state.restoredRows, Math.round(clock.monotonic() - began))
    return run
  }

  #figures(attempt: TaskAttempt): TaskFigures {
    const names = Object.keys(this.#totals)
    const waits = names.map((name) => [name, oldestWaitMs(attempt.state, name, this.#now())] as const)
    return { gauges: attempt.gauges(), oldestWaitMs: Object.fromEntries(waits) }
  }

  #enter(phase: OwnPhase): void {
    this.#phase = nextPhase(this.#phase, phase)
  }

  /** Forgets everything since the last commit. */
  async #discard(): Promise<void> {
    const run = this.#attempt
    if (run !== undefined) this.#lastFigures = this.#figures(run)
    this.#attempt = undefined
    if (!this.#control.isPaused) this.#notifyDrained()
    if (run === undefined) return
    if (run.reopen !== undefined && !this.#control.isEnding)
      this.#options.listener.reopening(this.partition, run.reopen)
    await run.stop()
    failpoint('reopen.discarded')
  }
}

const retryMs = (doubled: number): number =>
  Math.min(FIRST_RETRY_MS * 2 ** Math.min(doubled, MAX_DOUBLINGS), LAST_RETRY_MS)
