import { failpoint } from '@joinery/failpoint'
import { isJoineryError, JoineryError } from '../errors.js'
import type { Totals } from '../outcome/totals.js'
import { steadyTime } from './input-partition.js'
import { isStoreLost, type TaskStore } from './stores/task-store.js'
import { OpenStores } from './stores/task-stores.js'
import { type TaskOrders, TaskRun, type TaskRunListener } from './task-attempt.js'
import { oldestWaitMs } from './task-gauges.js'
import type { TaskOptions } from './task-options.js'
import { taskProblems } from './task-problems.js'
import { openState, type TaskState } from './task-state.js'
import { Signal } from './wakeup.js'

const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000
/** So often the time between two tries is doubled. */
const MOST_DOUBLED = 6

/** What a task is doing. */
export type TaskPhase = 'opening' | 'restoring' | 'loading' | 'running' | 'paused' | 'ended'

/** One partition of all of an application's inputs: is opened, runs, and is opened again when a commit fails. */
export class Task {
  readonly partition: number
  readonly #options: TaskOptions
  readonly #wakes: Signal
  readonly #stores: OpenStores
  readonly #now: () => number
  readonly #ended: Promise<void>
  readonly #orders: TaskOrders = { isPaused: false, isEnding: false, isAbandoned: false }
  readonly #following: TaskRunListener
  #abort = new AbortController()
  #run: TaskRun | undefined
  #phase: TaskPhase = 'opening'
  #totals: Readonly<Record<string, Totals>> = {}
  /** What is being tried again. */
  #problem: string | undefined
  /** How often it was opened in vain since its last commit. */
  #fruitless = 0
  /** Not opened again before, in monotonic milliseconds. */
  #restUntil = 0
  #quiet: (() => void)[] = []

  constructor(options: TaskOptions) {
    this.partition = options.partition
    this.#options = options
    this.#wakes = new Signal(options.clock)
    this.#stores = new OpenStores(options.stores, options.application, options.partition)
    this.#now = steadyTime(options.clock)
    this.#following = {
      running: () => {
        this.#phase = 'running'
        options.listener.running()
      },
      quiet: () => this.#tellQuiet(),
      commitEnded: (totals) => {
        this.#problem = undefined
        if (totals === undefined) return
        this.#totals = totals
        this.#fruitless = 0
      },
      retrying: (error, inMs) => {
        this.#problem = `task ${this.partition} tries again: ${error.message}`
        options.listener.retrying(error, inMs)
      },
    }
    this.#ended = this.#live().catch((error: unknown) => {
      this.#phase = 'ended'
      this.#tellQuiet()
      options.listener.halted(error as Error)
    })
  }

  get phase(): TaskPhase {
    return this.#orders.isPaused && this.#phase === 'running' ? 'paused' : this.#phase
  }

  /** As of the last commit. */
  get totals(): Readonly<Record<string, Totals>> {
    return this.#totals
  }

  /** What was made of the log at the last opening; `undefined` while it is not open. */
  get state(): TaskState | undefined {
    return this.#run?.state
  }

  /** The longest wait of an event, by pipeline, in milliseconds. */
  oldestWaiterMs(pipeline: string): number {
    return this.#run === undefined ? 0 : oldestWaitMs(this.#run.state, pipeline, this.#now())
  }

  /** What is not as it should be, in words. */
  get problems(): readonly string[] {
    const own = this.#problem === undefined ? [] : [this.#problem]
    return this.#run === undefined ? own : [...own, ...taskProblems(this.partition, this.#run.state, this.#now())]
  }

  /** Sizes of everything here that is bounded. */
  gauges(): Readonly<Record<string, number>> {
    return this.#run?.gauges() ?? {}
  }

  /** Whether nothing is left to do until something arrives or time passes. */
  get isIdle(): boolean {
    return this.#run?.isIdle === true && this.#wakes.isWaiting
  }

  /** The store of a table, with all rows that were there when the task was opened; `undefined` as long as it has not. */
  storeOf(topic: string): TaskStore | undefined {
    return this.#run?.storeOf(topic)
  }

  /** A query has met an error: a store that is lost is opened again, without waiting for a record that meets it too. */
  queryFailed(error: unknown): void {
    if (isStoreLost(error)) this.#run?.fail(error)
  }

  /** Functions of calls that have not settled. */
  get runningCalls(): number {
    return this.#run?.runningCalls ?? 0
  }

  /**
   * Commits what has been processed, and takes no more until {@link resume}. An opening is called off. Resolves also when
   * the task has ended, or was told to go on before.
   */
  async quiesce(): Promise<void> {
    this.#orders.isPaused = true
    if (this.#phase === 'ended') return
    if (this.#run === undefined) this.#abort.abort()
    await new Promise<void>((resolve) => {
      this.#quiet.push(resolve)
      this.#wakes.wake()
    })
  }

  /** Goes on after {@link quiesce}. */
  resume(): void {
    this.#orders.isPaused = false
    this.#fruitless = 0 // what kept it from its work may be over with the assignment before
    this.#restUntil = 0
    this.#tellQuiet()
    this.#wakes.wake()
  }

  /** Commits what is there and ends. */
  async close(): Promise<void> {
    for (const running of this.#options.running.values()) running.stop()
    this.#orders.isEnding = true
    this.#orders.isPaused = true
    if (this.#phase === 'opening' || this.#phase === 'restoring') this.#abort.abort()
    this.#wakes.wake()
    await this.#ended
  }

  /**
   * Ends at once: nothing is flushed, nothing is opened again.
   *
   * @param how `'crash'`: as if the process had died, so calls tell nothing any more
   */
  async abandon(how: 'lost' | 'crash' = 'lost'): Promise<void> {
    if (how === 'crash') for (const running of this.#options.running.values()) running.drop()
    this.#orders.isEnding = true
    this.#orders.isAbandoned = true
    this.#abort.abort()
    this.#wakes.wake()
    await this.#ended
  }

  async #live(): Promise<void> {
    while (!this.#orders.isEnding) {
      let failure: JoineryError | undefined
      try {
        if (this.#orders.isPaused) {
          this.#tellQuiet()
          await this.#wakes.wait(undefined)
          continue
        }
        const run = await this.#open()
        await run.work()
      } catch (error) {
        if (this.#orders.isEnding) break
        // called off; the task may have been told to go on before it was noticed
        const isCalledOff = this.#orders.isPaused || this.#abort.signal.aborted
        if (isCalledOff && this.#run === undefined) continue
        if (!(isStoreLost(error) || (isJoineryError(error) && error.retriable))) {
          await this.#discard()
          await this.#end()
          this.#options.listener.halted(error as Error)
          return
        }
        failure = error
      }
      await this.#tryAgain(failure)
    }
    await this.#discard()
    await this.#end()
  }

  /**
   * Rests before the task is opened again, unless something else is wanted of it: that something has arrived is no reason.
   * After a commit that failed it is opened at once, but not again and again.
   */
  async #tryAgain(failure: JoineryError | undefined): Promise<void> {
    const { clock, partition } = this.#options
    const { reopen } = this.#run ?? {}
    const ms = retryMs(this.#fruitless++)
    const isFirst = failure === undefined && this.#fruitless === 1
    const why = failure ?? new JoineryError('LOG_FAILED', `${reopen}, again`, { retriable: true, partition })
    if (!isFirst && !this.#orders.isEnding) this.#following.retrying(why, ms)
    await this.#discard()
    if (isFirst) return
    this.#restUntil = clock.monotonic() + ms
    while (clock.monotonic() < this.#restUntil && !this.#orders.isPaused && !this.#orders.isEnding)
      await this.#wakes.wait(this.#restUntil)
  }

  async #end(): Promise<void> {
    for (const [pipeline, running] of this.#options.running)
      running.release((report) => this.#options.report(pipeline, report))
    await this.#stores.close()
    this.#phase = 'ended'
    this.#tellQuiet()
  }

  #tellQuiet(): void {
    for (const resolve of this.#quiet.splice(0)) resolve()
  }

  /** Fence, restore, read on: the one way to state, after a start as after any commit that failed. */
  async #open(): Promise<TaskRun> {
    const { clock, tasks, application, partition, listener, prove } = this.#options
    this.#phase = 'opening'
    this.#abort = new AbortController()
    const proof = await prove()
    if (proof !== 'member')
      throw new JoineryError('TASK_LOST', `task ${partition} waits for the group: this member is ${proof}`, {
        retriable: true,
        partition,
      })
    failpoint('open.proved')
    const session = await tasks.open({ application, task: partition })
    this.#phase = 'restoring'
    const began = clock.monotonic()
    const { signal } = this.#abort
    const times = { now: this.#now, monotonic: () => clock.monotonic() }
    const state = await openState(this.#options, session, this.#stores, times, this.#wakes.wake, signal).catch(
      async (error) => {
        await session.close()
        throw error
      },
    )
    const run = new TaskRun(state, {
      ...this.#options,
      orders: this.#orders,
      wakes: this.#wakes,
      now: this.#now,
      signal,
      following: this.#following,
    })
    this.#run = run
    this.#totals = run.totals
    run.start()
    this.#phase = 'loading'
    this.#problem = undefined
    listener.restored(partition, state.restoredRows, clock.monotonic() - began)
    return run
  }

  /** Forgets everything since the last commit. */
  async #discard(): Promise<void> {
    const run = this.#run
    this.#run = undefined
    if (!this.#orders.isPaused) this.#tellQuiet()
    if (run === undefined) return
    if (run.reopen !== undefined && !this.#orders.isEnding) this.#options.listener.reopening(this.partition, run.reopen)
    await run.stop()
    failpoint('reopen.discarded')
  }
}

const retryMs = (doubled: number): number =>
  Math.min(FIRST_RETRY_MS * 2 ** Math.min(doubled, MOST_DOUBLED), LAST_RETRY_MS)
