import type { Clock } from '../clock.js'
import { earliest } from '../earliest.js'
import { RecordError } from '../outcome/record-error.js'
import type { Totals } from '../outcome/totals.js'
import { CallProcessor } from './calls/call-processor.js'
import { CommitLimits } from './commit/commit-limits.js'
import type { ScheduledTask } from './commit/commit-schedule.js'
import { Committer, type FailedCommit } from './commit/committer.js'
import { UncommittedWork } from './commit/uncommitted-work.js'
import { WriteBatch } from './commit/write-batch.js'
import { PartitionGroup } from './partition-group.js'
import { truncatedTable } from './restore/truncated-table.js'
import { AttemptProgress } from './stall/attempt-progress.js'
import { WAITERS } from './stores/store-names.js'
import type { TaskStore } from './stores/task-store.js'
import { TableEnds } from './tables/table-ends.js'
import type { TaskAttemptOptions } from './task-attempt-options.js'
import { taskGauges } from './task-gauges.js'
import type { TaskState } from './task-state.js'

/** Milliseconds of work before other tasks get their turn. */
const SLICE_MS = 5

/** Runs a task from when it is opened: processes records and commits, until a commit fails or the task has to end. */
export class TaskAttempt implements ScheduledTask {
  readonly state: TaskState
  readonly #options: TaskAttemptOptions
  readonly #clock: Clock
  readonly #work: UncommittedWork
  readonly #limits: CommitLimits
  readonly #group: PartitionGroup
  readonly #calls: CallProcessor | undefined
  readonly #tableEnds: TableEnds
  readonly #committer: Committer
  readonly #progress: AttemptProgress
  #isRunning = false
  #committing: Promise<void> | undefined
  /** Whether the schedule has requested a commit. */
  #isCommitDue = false
  #failedCommit: FailedCommit | undefined
  #halt: RecordError | undefined
  #error: unknown

  constructor(state: TaskState, options: TaskAttemptOptions) {
    const { clock, now, control, listener, attemptListener, wakeup } = options
    const { callState, logTimeMs, session } = state
    const times = { now, monotonic: () => clock.monotonic() }
    this.state = state
    this.#options = options
    this.#progress = new AttemptProgress(options.progress, state.inputs, attemptListener.recovered)
    this.#clock = clock
    this.#work = new UncommittedWork(() => new WriteBatch(WAITERS, logTimeMs, session.buffer?.(), options.refused))
    this.#calls =
      callState && new CallProcessor(callState, this.#work, { ...options, now: logTimeMs, wake: wakeup.wake })
    this.#limits = new CommitLimits(options.commitBytes, session)
    this.#group = new PartitionGroup(state, this.#work, this.#calls, { ...options, ...times, limits: this.#limits })
    this.#tableEnds = new TableEnds(state, this.#group, this.#work, times)
    this.#committer = new Committer(state, this.#work, {
      ...options,
      outcomes: listener.outcomes.bind(listener),
      mayCall: () => !control.isPaused && !control.isEnding && this.#failedCommit === undefined,
      retrying: attemptListener.retrying,
    })
  }

  /** As of the last commit, by pipeline. */
  get totals(): Readonly<Record<string, Totals>> {
    return this.#committer.totals
  }

  /** The commit because of which the task has to be reopened. */
  get failedCommit(): FailedCommit | undefined {
    return this.#failedCommit
  }

  /** The error with which the task halts, once everything before its record is committed, and running calls are over. */
  get halt(): RecordError | undefined {
    return this.#halt
  }

  /** Number of call functions still running. */
  get runningCalls(): number {
    return this.#calls?.running ?? 0
  }

  /** Whether the task is running, everything is committed, and no call or request for an end offset is in flight. */
  get isIdle(): boolean {
    if (this.#committing !== undefined || this.#calls?.isIdle === false) return false
    const isPending = this.state.tables.some(({ catchUp }) => catchUp.end.isPending)
    return (this.#isRunning || this.#group.isHeld) && this.#work.current.isEmpty && !isPending
  }

  /** Whether a commit is in flight. */
  get isCommitting(): boolean {
    return this.#committing !== undefined
  }

  /** Whether there is something to process, to commit, or to load, as far as is known. */
  get hasWork(): boolean {
    if (!this.#isRunning || this.isCommitting || !this.#work.current.isEmpty) return true
    if (this.#failedCommit !== undefined || this.#halt !== undefined || this.#error !== undefined) return true
    const { inputs, tables } = this.state
    return inputs.some(({ hasWork }) => hasWork) || tables.some(({ catchUp }) => catchUp.end.isPending)
  }

  gauges(): Readonly<Record<string, number>> {
    return taskGauges(this.state, this.#work)
  }

  /** The store of a table; `undefined` unless it holds all rows that the table had when the task was opened, and is not stale. */
  storeOf(topic: string): TaskStore | undefined {
    const table = this.state.tables.find(({ plan }) => plan.topic === topic)
    if (table === undefined || !table.catchUp.isStored(this.#work)) return undefined
    return table.catchUp.isStale ? undefined : table.store
  }

  /** The schedule requests a commit: it begins between two steps. */
  commitDue(): void {
    this.#isCommitDue = true
    this.#options.wakeup.wake()
  }

  /** Starts reading the inputs. */
  start(): void {
    const { source, wakeup } = this.#options
    const rebuildable = new Set(this.state.tables.flatMap(({ input, inChangelog }) => (inChangelog ? [] : [input])))
    for (const input of this.state.inputs)
      input.start(source, wakeup.wake, (error) =>
        this.fail(rebuildable.has(input) ? truncatedTable(error, input) : error),
      )
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
      if (this.#failedCommit !== undefined || control.isClosingDirty) return
      this.#reportRunningOnceLoaded()
      this.#schedule(false)
      this.#commitIfDue()
      if (this.#halt !== undefined && this.#mayHalt) throw this.#halt
      if (this.#isDrained()) {
        attemptListener.drained()
        if (control.isEnding) return
      }
      const hasRoom = this.#committing === undefined || !this.#limits.isReached(this.#work.current)
      const worked = hasRoom && (await this.#step())
      // without room there is nothing to do before the end of the commit, which wakes the loop
      if (!worked) {
        this.#schedule(true)
        await this.#progress.whileWaiting(!this.hasWork, () => wakeup.wait(hasRoom ? this.#nextTime() : undefined))
      } else if (this.#clock.monotonic() < sliceEnds) continue
      else await this.#clock.yieldToEventLoop()
      sliceEnds = this.#clock.monotonic() + SLICE_MS
    }
  }

  /** @returns whether it did anything */
  async #step(): Promise<boolean> {
    const mayBegin = !this.#options.control.isPaused && this.#halt === undefined
    try {
      if (await this.#calls?.step(mayBegin)) return true
      return mayBegin && ((await this.#tableEnds.step()) || (await this.#group.step()))
    } catch (error) {
      if (!(error instanceof RecordError)) throw error
      this.#halt ??= error
      return true
    }
  }

  /** Whether everything that was begun is committed: also the outcomes of calls, which would be in doubt otherwise. */
  get #mayHalt(): boolean {
    return !this.isCommitting && this.#work.current.isEmpty && this.#calls?.isAwaiting !== true
  }

  /** Stops reading, waits for the commit in flight, and closes the session. */
  async stop(): Promise<void> {
    this.#progress.ended()
    this.#options.commitSchedule.remove(this)
    for (const { capacity } of this.state.tables) capacity?.release()
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

  /** @param isIdle whether the task can process nothing more now */
  #schedule(isIdle: boolean): void {
    const { since, bytes } = this.#work.current
    if (since === undefined || this.#committing !== undefined || this.#isCommitDue) return
    this.#options.commitSchedule.update(this, since, bytes, isIdle)
  }

  #commitIfDue(): void {
    const { current: batch } = this.#work
    const { control, commitSchedule, attemptListener, wakeup } = this.#options
    if (this.#committing !== undefined || batch.since === undefined) return
    const isDue = this.#isCommitDue || control.isPaused || batch.isUrgent || this.#halt || this.#limits.isReached(batch)
    if (!isDue) return
    this.#isCommitDue = false
    const endCommit = commitSchedule.beginCommit(this)
    const committed = this.#progress.commitBegins(this.#isRunning, batch.logBytes)
    this.#committing = this.#progress
      .whileCommitting(this.#committer.commit())
      .then(
        (end) => {
          if (end === 'committed') committed()
          attemptListener.commitEnded(end === 'committed' ? this.totals : undefined)
          if (end !== 'committed') this.#failedCommit = end
        },
        (error: unknown) => {
          this.#error = error
        },
      )
      .finally(() => {
        this.#committing = undefined
        endCommit()
        wakeup.wake()
      })
  }

  /** When the loop has to run again even if nothing arrives. */
  #nextTime(): number | undefined {
    if (this.#options.control.isPaused || this.#halt !== undefined) return undefined
    return earliest([this.#group.until, this.#tableEnds.until, this.#calls?.until])
  }
}
