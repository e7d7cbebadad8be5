import { failpoint } from '@joinery/failpoint'
import { isJoineryError, type JoineryError } from '../errors.js'
import type { Totals } from '../outcome/totals.js'
import { anchoredClock } from './anchored-clock.js'
import { openAttempt } from './open-attempt.js'
import { ReopenBackoff, reopenedRepeatedly } from './reopen-backoff.js'
import { TaskHealth } from './stall/task-health.js'
import { mustRestoreStore, type TaskStore } from './stores/task-store.js'
import { TaskStores } from './stores/task-stores.js'
import type { TaskAttempt } from './task-attempt.js'
import type { TaskAttemptListener, TaskControl } from './task-attempt-options.js'
import { TaskMetrics } from './task-metrics.js'
import type { TaskOptions } from './task-options.js'
import { type InternalPhase, nextPhase, type TaskPhase } from './task-phase.js'
import { Wakeup } from './wakeup.js'

/** Task p processes partition p of every input. It is opened, runs, and is reopened after a failed commit or a retriable error. */
export class Task {
  readonly partition: number
  readonly health: TaskHealth
  readonly #options: TaskOptions
  readonly #wakeup: Wakeup
  readonly #stores: TaskStores
  readonly #now: () => number
  readonly #metrics: TaskMetrics
  readonly #ended: Promise<void>
  readonly #control: TaskControl = { isPaused: false, isEnding: false, isClosingDirty: false }
  readonly #attemptListener: TaskAttemptListener
  #abort = new AbortController()
  #attempt: TaskAttempt | undefined
  #phase: InternalPhase = 'opening'
  #totals: Readonly<Record<string, Totals>> = {}
  readonly #backoff = new ReopenBackoff()
  #pauseResolvers: (() => void)[] = []

  constructor(options: TaskOptions) {
    this.partition = options.partition
    this.#options = options
    this.#wakeup = new Wakeup(options.clock)
    this.#now = anchoredClock(options.clock)
    const times = { now: this.#now, monotonic: () => options.clock.monotonic() }
    this.health = new TaskHealth(this.partition, times, () => ({ phase: this.phase, attempt: this.#attempt }))
    this.#stores = new TaskStores(options, this.health.storeCalls)
    this.#metrics = new TaskMetrics(this.#now)
    this.#attemptListener = {
      running: () => {
        this.#enter('running')
        this.health.running()
        options.listener.running()
      },
      recovered: () => options.listener.recovered(),
      drained: () => this.#resolvePause(),
      commitEnded: (totals) => {
        this.health.retryProblem = undefined
        if (totals === undefined) return
        this.#totals = totals
        this.#backoff.reset()
      },
      retrying: (error, inMs) => {
        this.health.retryProblem = `task ${this.partition} is retrying: ${error.message}`
        options.listener.retrying(error, inMs)
      },
    }
    this.#ended = this.#runLoop().catch((error: unknown) => {
      this.#enter('ended')
      this.#resolvePause()
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
  get state(): TaskAttempt['state'] | undefined {
    return this.#attempt?.state
  }

  /** The age of the oldest waiting event, in milliseconds; between attempts, the last one known. */
  oldestWaitMs(pipeline: string): number {
    return this.#metrics.oldestWaitMs(this.#attempt, pipeline)
  }

  /** Sizes of the task's bounded buffers and caches; between attempts, the last ones known. */
  gauges(): Readonly<Record<string, number>> {
    return this.#metrics.gauges(this.#attempt)
  }

  /** Whether there is nothing to do until a record arrives or a timer is due. */
  get isIdle(): boolean {
    return this.#attempt?.isIdle === true && this.#wakeup.isWaiting
  }

  /** The store of a table; `undefined` until it holds all rows that the table had when the task was opened, and while it is stale. */
  storeOf(topic: string): TaskStore | undefined {
    return this.#attempt?.storeOf(topic)
  }

  /** A query failed: a task with a store that is fenced or behind is reopened. */
  queryFailed(error: unknown): void {
    if (mustRestoreStore(error)) this.#attempt?.fail(error)
  }

  /** The number of call functions that are running. */
  get runningCalls(): number {
    return this.#attempt?.runningCalls ?? 0
  }

  /** Stops taking records. Resolves once the processed ones are committed or discarded, or the task is resumed or ends. */
  async pause(): Promise<void> {
    this.#control.isPaused = true
    this.health.progress.paused()
    if (this.#phase === 'ended') return
    if (this.#attempt === undefined) this.#abort.abort()
    this.#wakeup.wake()
    await new Promise<void>((resolve) => this.#pauseResolvers.push(resolve))
  }

  /** Continues after {@link pause}. */
  resume(): void {
    this.#control.isPaused = false
    this.#backoff.reset() // the cause of earlier failures may have ended with the last assignment
    this.health.progress.resumed()
    this.#resolvePause()
    this.#wakeup.wake()
  }

  /** Commits what has been processed, and ends the task. */
  async close(): Promise<void> {
    for (const dispatcher of this.#options.callDispatchers.values()) dispatcher.stop()
    this.#control.isEnding = true
    this.#control.isPaused = true
    if (this.#phase === 'opening' || this.#phase === 'restoring') this.#abort.abort()
    this.#wakeup.wake()
    await this.#ended
  }

  /** Ends immediately, without a commit. `'crash'` simulates that the process is killed: calls report nothing. */
  async closeDirty(how: 'lost' | 'crash' = 'lost'): Promise<void> {
    if (how === 'crash') for (const dispatcher of this.#options.callDispatchers.values()) dispatcher.discard()
    this.#control.isEnding = true
    this.#control.isClosingDirty = true
    this.#abort.abort()
    this.#wakeup.wake()
    await this.#ended
  }

  async #runLoop(): Promise<void> {
    while (!this.#control.isEnding) {
      let failure: JoineryError | undefined
      try {
        if (this.#control.isPaused) {
          this.#resolvePause()
          await this.#wakeup.wait(undefined)
          continue
        }
        const attempt = await this.#open()
        await attempt.work()
      } catch (error) {
        if (this.#control.isEnding) break
        // cancelled; the task may have been resumed before this was noticed
        const isCancelled = this.#control.isPaused || this.#abort.signal.aborted
        if (isCancelled && this.#attempt === undefined) continue
        if (!mustRestoreStore(error) && !(isJoineryError(error) && error.retriable)) {
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

  /** Backs off before the task is reopened. The first failed commit after a success has no backoff, nor has one that skips it. */
  async #backOff(failure: JoineryError | undefined): Promise<void> {
    const { clock, partition } = this.#options
    const failedCommit = failure === undefined ? this.#attempt?.failedCommit : undefined
    this.health.progress.failed()
    if (failedCommit?.skipsBackoff) return this.#discard()
    const { ms, isFirst } = this.#backoff.failed()
    if (failure === undefined && isFirst) return this.#discard()
    const why = failure ?? reopenedRepeatedly(failedCommit ?? {}, partition)
    if (!this.#control.isEnding) this.#attemptListener.retrying(why, ms)
    await this.#discard()
    this.#backoff.waitUntil(clock.monotonic() + ms)
    while (clock.monotonic() < this.#backoff.until && !this.#control.isPaused && !this.#control.isEnding)
      await this.#wakeup.wait(this.#backoff.until)
  }

  async #end(): Promise<void> {
    await this.#discard()
    for (const [pipeline, dispatcher] of this.#options.callDispatchers)
      dispatcher.handOff((report) => this.#options.report(pipeline, report))
    await this.#stores.close()
    this.#enter('ended')
    this.#resolvePause()
  }

  #resolvePause(): void {
    for (const resolve of this.#pauseResolvers.splice(0)) resolve()
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
      progress: this.health.progress,
      attemptListener: this.#attemptListener,
      enter: (phase) => this.#enter(phase),
    })
    this.#attempt = attempt
    this.#totals = attempt.totals
    attempt.start()
    this.#enter('loading')
    this.health.retryProblem = undefined
    listener.restored(this.partition, attempt.state.restoredRows, Math.round(clock.monotonic() - began))
    return attempt
  }

  #enter(phase: InternalPhase): void {
    this.#phase = nextPhase(this.#phase, phase)
  }

  /** Discards everything since the last commit. */
  async #discard(): Promise<void> {
    const attempt = this.#attempt
    if (attempt !== undefined) this.#metrics.retain(attempt)
    this.#attempt = undefined
    if (attempt === undefined) return
    const { reason } = attempt.failedCommit ?? {}
    if (reason !== undefined && !this.#control.isEnding) this.#options.listener.reopening(this.partition, reason)
    await attempt.stop()
    failpoint('reopen.discarded')
  }
}
