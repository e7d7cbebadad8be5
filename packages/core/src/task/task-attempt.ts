import type { Clock } from '../clock.js'
import type { JoineryError } from '../errors.js'
import type { Totals } from '../outcome/totals.js'
import { CallProcessor } from './calls/call-processor.js'
import { CommitLimits } from './commit-limits.js'
import { Committer } from './committer.js'
import { PartitionGroup } from './partition-group.js'
import { WAITERS } from './stores/store-names.js'
import type { TaskStore } from './stores/task-store.js'
import { TableEnds } from './tables/table-ends.js'
import { taskGauges } from './task-gauges.js'
import type { TaskOptions } from './task-options.js'
import type { TaskState } from './task-state.js'
import { UncommittedWork } from './uncommitted-work.js'
import type { Wakeup } from './wakeup.js'
import { WriteBatch } from './write-batch.js'

/** Milliseconds of work before other tasks get their turn. */
const SLICE_MS = 5

/** What the task has been asked to do. */
export interface TaskControl {
  /** Commit what has been processed, and take no more. */
  isPaused: boolean
  /** End once drained; do not reopen. */
  isEnding: boolean
  /** End at once, without a commit. */
  isClosingDirty: boolean
}

/** Receives the notifications of a task attempt. */
export interface TaskAttemptListener {
  /** Every table has caught up, and that is committed. */
  running(): void
  /** The task is paused, and everything is committed. May be called repeatedly. */
  drained(): void
  /** A commit has ended, possibly after many retries; with the totals if it is in the log. */
  commitEnded(totals: Readonly<Record<string, Totals>> | undefined): void
  retrying(error: JoineryError, inMs: number): void
}

/** Options of {@link TaskAttempt}. */
export interface TaskAttemptOptions extends TaskOptions {
  readonly control: Readonly<TaskControl>
  readonly wakeup: Wakeup
  /** Anchored time, in milliseconds. */
  readonly now: () => number
  readonly signal: AbortSignal
  readonly attemptListener: TaskAttemptListener
}

/** The work of a task since it was opened: processes and commits until a commit fails or the task has to end. */
export class TaskAttempt {
  readonly state: TaskState
  readonly #options: TaskAttemptOptions
  readonly #clock: Clock
  readonly #work: UncommittedWork
  readonly #limits: CommitLimits
  readonly #group: PartitionGroup
  readonly #calls: CallProcessor | undefined
  readonly #tableEnds: TableEnds
  readonly #committer: Committer
  #isRunning = false
  #committing: Promise<void> | undefined
  #reopenReason: string | undefined
  #error: unknown

  constructor(state: TaskState, options: TaskAttemptOptions) {
    const { clock, now, control, listener, attemptListener, wakeup } = options
    const { callState, logTimeMs, session } = state
    const times = { now, monotonic: () => clock.monotonic() }
    this.state = state
    this.#options = options
    this.#clock = clock
    this.#work = new UncommittedWork(() => new WriteBatch(WAITERS, logTimeMs, session.buffer?.()))
    this.#calls =
      callState && new CallProcessor(callState, this.#work, { ...options, now: logTimeMs, wake: wakeup.wake })
    this.#limits = new CommitLimits(options.commitBytes, session)
    this.#group = new PartitionGroup(state, this.#work, this.#calls, { ...options, ...times, limits: this.#limits })
    this.#tableEnds = new TableEnds(state, this.#group, this.#work, times)
    this.#committer = new Committer(state, this.#work, {
      ...options,
      outcomes: listener.outcomes.bind(listener),
      mayCall: () => !control.isPaused && !control.isEnding && this.#reopenReason === undefined,
      retrying: attemptListener.retrying,
    })
  }

  /** As of the last commit, by pipeline. */
  get totals(): Readonly<Record<string, Totals>> {
    return this.#committer.totals
  }

  /** Why the task has to be reopened. */
  get reopenReason(): string | undefined {
    return this.#reopenReason
  }

  /** Number of call functions still running. */
  get runningCalls(): number {
    return this.#calls?.running ?? 0
  }

  /** Whether the task is running, everything is committed, and no call or request for an end offset is in flight. */
  get isIdle(): boolean {
    if (this.#committing !== undefined || this.#calls?.isIdle === false) return false
    const isPending = this.state.tables.some(({ catchUp }) => catchUp.end.isPending)
    return this.#isRunning && this.#work.current.isEmpty && !isPending
  }

  gauges(): Readonly<Record<string, number>> {
    return taskGauges(this.state, this.#work)
  }

  /** The store of a table; `undefined` unless it holds all rows that the table had when the task was opened, and is not stale. */
  storeOf(topic: string): TaskStore | undefined {
    const table = this.state.tables.find(({ plan }) => plan.topic === topic)
    if (table === undefined || !table.catchUp.isStored(this.#work)) return undefined
    return table.inChangelog || !table.store.isStale(this.state.logTimeMs()) ? table.store : undefined
  }

  /** Starts reading the inputs. */
  start(): void {
    const { source, wakeup } = this.#options
    for (const input of this.state.inputs) input.start(source, wakeup.wake, (error) => this.fail(error))
  }

  /** Ends {@link work} with an error. */
  fail(error: unknown): void {
    this.#error = error
    this.#options.wakeup.wake()
  }

  /** Resolves when the task must reopen or end; rejects with the error that stops it. */
  async work(): Promise<void> {
    const { control, wakeup, attemptListener } = this.#options
    let sliceEnds = this.#clock.monotonic() + SLICE_MS
    for (;;) {
      if (this.#error !== undefined) throw this.#error
      if (this.#reopenReason !== undefined || control.isClosingDirty) return
      this.#reportRunningOnceLoaded()
      this.#commitIfDue()
      if (this.#isDrained()) {
        attemptListener.drained()
        if (control.isEnding) return
      }
      const hasRoom = this.#committing === undefined || !this.#limits.isReached(this.#work.current)
      const worked =
        hasRoom &&
        ((await this.#calls?.step(!control.isPaused)) ||
          (!control.isPaused && ((await this.#tableEnds.step()) || (await this.#group.step()))))
      // without room there is nothing to do before the end of the commit, which wakes the loop
      if (!worked) await wakeup.wait(hasRoom ? this.#nextTime() : undefined)
      else if (this.#clock.monotonic() < sliceEnds) continue
      else await this.#clock.yieldToEventLoop()
      sliceEnds = this.#clock.monotonic() + SLICE_MS
    }
  }

  /** Stops reading, waits for the commit in flight, and closes the session. */
  async stop(): Promise<void> {
    await Promise.all(this.state.inputs.map((input) => input.stop()))
    if (this.#committing !== undefined) await this.#committing
    await this.state.session.close()
  }

  #reportRunningOnceLoaded(): void {
    const { pipelines, tables } = this.state
    if (this.#isRunning || !pipelines.every(({ isOpen }) => isOpen)) return
    if (!tables.every(({ catchUp }) => catchUp.isStored(this.#work))) return
    this.#isRunning = true
    this.#options.attemptListener.running()
  }

  #isDrained(): boolean {
    const { isPaused, isEnding } = this.#options.control
    if (!isPaused || this.#committing !== undefined) return false
    if (!this.#work.current.isEmpty || this.#calls?.hasReports) return false
    return !isEnding || this.runningCalls === 0
  }

  #commitIfDue(): void {
    const { current: batch } = this.#work
    const { control, commitEveryMs, attemptListener, wakeup } = this.#options
    if (this.#committing !== undefined || batch.since === undefined) return
    const isDue = control.isPaused || batch.isUrgent || this.#limits.isReached(batch)
    if (!isDue && this.#clock.monotonic() < batch.since + commitEveryMs) return
    this.#committing = this.#committer
      .commit()
      .then(
        (end) => {
          attemptListener.commitEnded(end === 'committed' ? this.totals : undefined)
          if (end !== 'committed') this.#reopenReason = end.reopenReason
        },
        (error: unknown) => {
          this.#error = error
        },
      )
      .finally(() => {
        this.#committing = undefined
        wakeup.wake()
      })
  }

  /** When the loop has to run again even if nothing arrives. */
  #nextTime(): number | undefined {
    const { since } = this.#work.current
    const { control, commitEveryMs } = this.#options
    const times = [since === undefined || this.#committing !== undefined ? undefined : since + commitEveryMs]
    if (!control.isPaused) times.push(this.#group.until, this.#tableEnds.until, this.#calls?.until)
    const known = times.filter((time) => time !== undefined)
    return known.length === 0 ? undefined : Math.min(...known)
  }
}
