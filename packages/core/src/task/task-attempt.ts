import type { Clock } from '../clock.js'
import type { JoineryError } from '../errors.js'
import type { Totals } from '../outcome/totals.js'
import { CallProcessor } from './calls/call-processor.js'
import { Committer } from './committer.js'
import { PartitionGroup } from './partition-group.js'
import type { TaskStore } from './stores/task-store.js'
import { EndProofs } from './table-catch-up.js'
import { taskGauges } from './task-gauges.js'
import type { TaskOptions } from './task-options.js'
import type { TaskState } from './task-state.js'
import type { Wakeup } from './wakeup.js'

/** Work on one slice, in milliseconds, before others get their turn. */
const SLICE_MS = 5

/** What is asked of a task. */
export interface TaskControl {
  /** Commit what has been processed, and take no more. */
  isPaused: boolean
  /** Do not open again. */
  isEnding: boolean
  /** End at once, without a commit. */
  isAbandoned: boolean
}

/** Who is told how a run goes on. */
export interface TaskAttemptListener {
  /** All tables are loaded. */
  running(): void
  /** A pause has begun: everything is committed. */
  drained(): void
  /** A commit has ended, which may have been tried for long; with the totals if it is in the log. */
  commitEnded(totals: Readonly<Record<string, Totals>> | undefined): void
  retrying(error: JoineryError, inMs: number): void
}

/** What a run is made for. */
export interface TaskAttemptOptions extends TaskOptions {
  readonly control: Readonly<TaskControl>
  readonly wakeup: Wakeup
  /** Steady wall-clock milliseconds. */
  readonly now: () => number
  readonly signal: AbortSignal
  readonly attemptListener: TaskAttemptListener
}

/** A task between one opening and the next: processes and commits, until a commit fails or it is told to end. */
export class TaskAttempt {
  readonly state: TaskState
  readonly #options: TaskAttemptOptions
  readonly #clock: Clock
  readonly #processor: PartitionGroup
  readonly #committer: Committer
  readonly #proofs: EndProofs
  readonly #calls: CallProcessor | undefined
  #isRunning = false
  #committing: Promise<void> | undefined
  #reopen: string | undefined
  #error: unknown

  constructor(state: TaskState, options: TaskAttemptOptions) {
    const { clock, now, wakeup, source, partition, control, listener, attemptListener } = options
    const times = { now, monotonic: () => clock.monotonic() }
    this.state = state
    this.#options = options
    this.#clock = clock
    this.#processor = new PartitionGroup(state, { ...options, ...times })
    this.#committer = new Committer(state, this.#processor, {
      ...options,
      outcomes: listener.outcomes.bind(listener),
      mayCall: () => !control.isPaused && !control.isEnding && this.#reopen === undefined,
      retrying: attemptListener.retrying,
    })
    this.#proofs = new EndProofs(state, source, partition, this.#processor, times, wakeup.wake)
    const { callState, logNow } = state
    this.#calls =
      callState && new CallProcessor(callState, this.#processor, { ...options, now: logNow, wake: wakeup.wake })
  }

  /** As of the last commit, by pipeline. */
  get totals(): Readonly<Record<string, Totals>> {
    return this.#committer.totals
  }

  /** Why the task has to be opened again. */
  get reopen(): string | undefined {
    return this.#reopen
  }

  /** Functions of calls that have not settled. */
  get runningCalls(): number {
    return this.#calls?.running ?? 0
  }

  /** Whether everything is committed, and no answer is waited for. */
  get isIdle(): boolean {
    if (this.#committing !== undefined || this.#calls?.isIdle === false) return false
    const isAsking = this.state.tables.some(({ proof }) => proof !== undefined && proof.end === undefined)
    return this.#isRunning && this.#processor.work.isEmpty && !isAsking
  }

  gauges(): Readonly<Record<string, number>> {
    return taskGauges(this.state, this.#processor)
  }

  /** The store of a table, with all rows that were there at the opening; `undefined` as long as it has not. */
  storeOf(topic: string): TaskStore | undefined {
    const table = this.state.tables.find(({ plan }) => plan.topic === topic)
    if (table === undefined || !this.#processor.isStored(table)) return undefined
    return table.inChangelog || table.store.isFresh(this.state.logNow()) ? table.store : undefined
  }

  /** Begins to read. */
  start(): void {
    const { source, wakeup } = this.#options
    for (const input of this.state.inputs) input.start(source, wakeup.wake, (error) => this.fail(error))
  }

  /** Ends {@link work} with an error. */
  fail(error: unknown): void {
    this.#error = error
    this.#options.wakeup.wake()
  }

  /** Resolves when the task has to be opened again, or is to end; rejects with what keeps it from going on. */
  async work(): Promise<void> {
    const { control, wakeup, attemptListener, commitBytes } = this.#options
    const processor = this.#processor
    let sliceEnds = this.#clock.monotonic() + SLICE_MS
    for (;;) {
      if (this.#error !== undefined) throw this.#error
      if (this.#reopen !== undefined || control.isAbandoned) return
      this.#runOnceLoaded()
      this.#commitIfDue()
      if (this.#isDrained()) {
        attemptListener.drained()
        if (control.isEnding) return
      }
      const hasRoom = processor.work.bytes < commitBytes || this.#committing === undefined
      const worked =
        hasRoom &&
        ((await this.#calls?.step(!control.isPaused)) ||
          (!control.isPaused && ((await this.#proofs.step()) || (await processor.step()))))
      // without room the end of the commit wakes it, and nothing else is of use
      if (!worked) await wakeup.wait(hasRoom ? this.#nextTime() : undefined)
      else if (this.#clock.monotonic() < sliceEnds) continue
      else await this.#clock.yieldToEventLoop()
      sliceEnds = this.#clock.monotonic() + SLICE_MS
    }
  }

  /** Ends reading, waits for the end of a commit, and closes the session. */
  async stop(): Promise<void> {
    await Promise.all(this.state.inputs.map((input) => input.stop()))
    if (this.#committing !== undefined) await this.#committing
    await this.state.session.close()
  }

  #runOnceLoaded(): void {
    const { pipelines, tables } = this.state
    if (this.#isRunning || !pipelines.every(({ isOpen }) => isOpen)) return
    if (!tables.every((table) => this.#processor.isStored(table))) return
    this.#isRunning = true
    this.#options.attemptListener.running()
  }

  #isDrained(): boolean {
    const { isPaused, isEnding } = this.#options.control
    if (!isPaused || this.#committing !== undefined) return false
    if (!this.#processor.work.isEmpty || this.#calls?.hasReports) return false
    return !isEnding || this.runningCalls === 0
  }

  #commitIfDue(): void {
    const { work } = this.#processor
    const { control, commitEveryMs, commitBytes, attemptListener, wakeup } = this.#options
    if (this.#committing !== undefined || work.since === undefined) return
    const isDue = control.isPaused || work.isUrgent || work.bytes >= commitBytes
    if (!isDue && this.#clock.monotonic() < work.since + commitEveryMs) return
    this.#committing = this.#committer
      .commit()
      .then(
        (end) => {
          attemptListener.commitEnded(end === 'committed' ? this.totals : undefined)
          if (end !== 'committed') this.#reopen = end.reopen
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

  /** When the loop has to look again though nothing arrives. */
  #nextTime(): number | undefined {
    const { since } = this.#processor.work
    const { control, commitEveryMs } = this.#options
    const times = [since === undefined || this.#committing !== undefined ? undefined : since + commitEveryMs]
    if (!control.isPaused) times.push(this.#processor.until, this.#proofs.until, this.#calls?.until)
    const known = times.filter((time) => time !== undefined)
    return known.length === 0 ? undefined : Math.min(...known)
  }
}
