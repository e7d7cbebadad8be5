import { failpoint } from '@joinery/failpoint'
import type { CallReport } from '../call/running-calls.js'
import type { Clock } from '../clock.js'
import { isJoineryError, JoineryError } from '../errors.js'
import type { CallEvent, Outcome } from '../join/effects.js'
import type { Totals } from '../join/totals.js'
import type { LogTasks, Membership } from '../log/contract.js'
import type { StateStores } from '../store/contract.js'
import { CallProcessor } from './call-processor.js'
import { Committer } from './committer.js'
import { EndProofs } from './end-proofs.js'
import { steadyTime } from './input.js'
import type { Calling } from './open-calls.js'
import { OpenStores } from './open-stores.js'
import { Processor } from './processor.js'
import { Signal } from './signal.js'
import type { TaskCalls } from './task-calls.js'
import { taskProblems } from './task-problems.js'
import { openState, type TaskSetup, type TaskState } from './task-state.js'
import { isStoreLost, type TaskStore } from './task-store.js'

/** Work on one slice, in milliseconds, before others get their turn. */
const SLICE_MS = 5
const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000

/** What a task needs to run. */
export interface TaskOptions extends TaskSetup {
  readonly tasks: LogTasks<never>
  readonly stores: StateStores
  /** Proof that this member still owns the task. */
  readonly prove: Membership['prove']
  readonly clock: Clock
  readonly commitEveryMs: number
  readonly commitBytes: number
  readonly maxIdleMs: number
  /** Tells the owner of this task what became of a call, once this process is not it any more. */
  readonly report: (pipeline: string, report: CallReport) => Promise<void>
  readonly listener: TaskListener
}

/** Who is told what happens in a task. */
export interface TaskListener {
  outcomes(outcomes: readonly (Outcome | CallEvent)[]): void
  restored(partition: number, rows: number, tookMs: number): void
  /** Its tables are loaded: streams are being processed. */
  running(): void
  reopening(partition: number, why: string): void
  retrying(error: JoineryError, inMs: number): void
  /** The task cannot go on; nothing is lost. */
  halted(error: Error): void
}

/** What a task is doing. */
export type TaskPhase = 'opening' | 'restoring' | 'loading' | 'running' | 'paused' | 'ended'

/** The running parts of a task between one opening and the next. */
interface Running {
  readonly state: TaskState
  readonly processor: Processor
  readonly committer: Committer
  readonly proofs: EndProofs
  readonly calls: CallProcessor | undefined
}

/** Sizes of what calls hold. */
function callGauges({ calls }: Calling): Readonly<Record<string, number>> {
  const sum = (of: (each: TaskCalls) => number) => calls.reduce((total, each) => total + of(each), 0)
  return {
    callsReady: sum(({ operator }) => operator.queue.ready),
    callsReadyBytes: sum(({ operator }) => operator.queue.readyBytes),
    callsClaimed: sum(({ operator }) => operator.queue.claims.size),
    callsInDoubt: sum(({ operator }) => operator.queue.inDoubt),
    callsRunning: sum(({ running }) => running.running),
    pausedCallStreams: sum(({ isFull }) => (isFull ? 1 : 0)),
  }
}

/** One partition of all of an application's inputs: opens, restores, processes, commits, and opens again when a commit fails. */
export class Task {
  readonly partition: number
  readonly #options: TaskOptions
  readonly #signal: Signal
  readonly #stores: OpenStores
  readonly #now: () => number
  readonly #ended: Promise<void>
  #abort = new AbortController()
  #running: Running | undefined
  #phase: TaskPhase = 'opening'
  #totals: Readonly<Record<string, Totals>> = {}
  #committing: Promise<void> | undefined
  #reopen: string | undefined
  #error: unknown
  /** What is being tried again. */
  #problem: string | undefined
  #isPaused = false
  #isEnding = false
  #isFlushing = false
  #quiet: (() => void)[] = []

  constructor(options: TaskOptions) {
    this.partition = options.partition
    this.#options = options
    this.#signal = new Signal(options.clock)
    this.#stores = new OpenStores(options.stores, options.application, options.partition)
    this.#now = steadyTime(options.clock)
    this.#ended = this.#run().catch((error: unknown) => {
      this.#phase = 'ended'
      this.#tellQuiet()
      options.listener.halted(error as Error)
    })
  }

  get phase(): TaskPhase {
    return this.#isPaused && this.#phase === 'running' ? 'paused' : this.#phase
  }

  /** As of the last commit. */
  get totals(): Readonly<Record<string, Totals>> {
    return this.#totals
  }

  get running(): Running | undefined {
    return this.#running
  }

  /** The longest wait of an event, by pipeline, in milliseconds. */
  oldestWaiterMs(pipeline: string): number {
    const { pipelines = [], calling } = this.#running?.state ?? {}
    const operator = pipelines.find((p) => p.operator.plan.name === pipeline)?.operator
    const calls = calling?.calls.find((c) => c.operator.plan.name === pipeline)?.operator.queue
    const arrival = operator?.oldestArrival ?? calls?.oldestArrival
    return arrival === undefined ? 0 : Math.max(0, this.#now() - arrival)
  }

  /** What is not as it should be, in words. */
  get problems(): readonly string[] {
    const own = this.#problem === undefined ? [] : [this.#problem]
    return this.#running === undefined
      ? own
      : [...own, ...taskProblems(this.partition, this.#running.state, this.#now())]
  }

  /** Sizes of everything here that is bounded. */
  gauges(): Readonly<Record<string, number>> {
    const running = this.#running
    if (running === undefined) return {}
    const { state, processor } = running
    const sum = (of: (pipeline: TaskState['pipelines'][number]) => number) =>
      state.pipelines.reduce((total, pipeline) => total + of(pipeline), 0)
    return {
      waitingRecords: sum(({ operator }) => operator.waiting),
      waitingBytes: sum(({ operator }) => operator.waitingBytes),
      pausedStreams: sum(({ isFull }) => (isFull ? 1 : 0)),
      bufferedRecords: state.inputs.reduce((total, { buffered }) => total + buffered, 0),
      cachedRows: state.tables.reduce((total, { store }) => total + store.rows.cached, 0),
      uncommittedBytes: processor.work.bytes + (processor.inFlight?.bytes ?? 0),
      skippedTableRecords: state.tables.reduce((total, { skipped }) => total + skipped, 0),
      ...(state.calling && callGauges(state.calling)),
    }
  }

  /** Whether nothing is left to do until something arrives or time passes. */
  get isIdle(): boolean {
    if (this.#running === undefined || this.#committing !== undefined || !this.#signal.isWaiting) return false
    const { state, processor, calls } = this.#running
    if (calls?.isIdle === false) return false
    const isAsking = state.tables.some(({ proof }) => proof !== undefined && proof.end === undefined)
    return this.#phase === 'running' && processor.work.isEmpty && !isAsking
  }

  /** Commits what has been processed, and takes no more until {@link resume}. An opening is called off. Resolves also when the task has ended. */
  async quiesce(): Promise<void> {
    this.#isPaused = true
    this.#isFlushing = true
    if (this.#phase === 'ended') return
    if (this.#running === undefined) this.#abort.abort()
    await new Promise<void>((resolve) => {
      this.#quiet.push(resolve)
      this.#signal.wake()
    })
  }

  /** Goes on after {@link quiesce}. */
  resume(): void {
    this.#isPaused = false
    this.#isFlushing = false
    this.#signal.wake()
  }

  /** Commits what is there and ends. */
  async close(): Promise<void> {
    for (const running of this.#options.running.values()) running.stop()
    this.#isEnding = true
    this.#isPaused = true
    this.#isFlushing = true
    if (this.#phase === 'opening' || this.#phase === 'restoring') this.#abort.abort()
    this.#signal.wake()
    await this.#ended
  }

  /** The store of a table, with all rows that were there when the task was opened; `undefined` as long as it has not. */
  storeOf(topic: string): TaskStore | undefined {
    if (this.#running === undefined) return undefined
    const { state, processor } = this.#running
    const table = state.tables.find(({ plan }) => plan.topic === topic)
    if (table === undefined || !processor.isStored(table)) return undefined
    return table.inChangelog || table.store.isFresh(state.logNow()) ? table.store : undefined
  }

  /** A query has met an error: a store that is lost is opened again, without waiting for a record that meets it too. */
  queryFailed(error: unknown): void {
    if (this.#running === undefined || !isStoreLost(error)) return
    this.#error = error
    this.#signal.wake()
  }

  /** Functions of calls that have not settled. */
  get runningCalls(): number {
    return this.#running?.calls?.running ?? 0
  }

  /**
   * Ends at once: nothing is flushed, nothing is opened again.
   *
   * @param how `'crash'`: as if the process had died, so calls tell nothing any more
   */
  async abandon(how: 'lost' | 'crash' = 'lost'): Promise<void> {
    if (how === 'crash') for (const running of this.#options.running.values()) running.drop()
    this.#isEnding = true
    this.#reopen = 'abandoned'
    this.#abort.abort()
    this.#signal.wake()
    await this.#ended
  }

  async #run(): Promise<void> {
    let wait = FIRST_RETRY_MS
    while (!this.#isEnding) {
      try {
        if (this.#isPaused) {
          this.#tellQuiet()
          await this.#signal.wait(undefined)
          continue
        }
        await this.#open()
        wait = FIRST_RETRY_MS
        await this.#work()
      } catch (error) {
        if (this.#isEnding) break
        if (this.#isPaused && this.#running === undefined) continue // the opening was called off
        if (!(isStoreLost(error) || (isJoineryError(error) && error.retriable))) {
          await this.#discard()
          await this.#end()
          this.#options.listener.halted(error as Error)
          return
        }
        this.#retrying(error, wait)
        await this.#signal.wait(this.#options.clock.monotonic() + wait)
        wait = Math.min(wait * 2, LAST_RETRY_MS)
      }
      await this.#discard()
    }
    await this.#discard()
    await this.#end()
  }

  readonly #retrying = (error: JoineryError, inMs: number): void => {
    this.#problem = `task ${this.partition} tries again: ${error.message}`
    this.#options.listener.retrying(error, inMs)
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
  async #open(): Promise<void> {
    const { clock, tasks, application, partition, listener, prove } = this.#options
    this.#phase = 'opening'
    this.#reopen = undefined
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
    const state = await openState(this.#options, session, this.#stores, times, this.#signal.wake, signal).catch(
      async (error) => {
        await session.close()
        throw error
      },
    )
    const processor = new Processor(state, { ...this.#options, ...times })
    const committer = new Committer(state, processor, {
      ...this.#options,
      signal,
      outcomes: listener.outcomes.bind(listener),
      mayCall: () => !this.#isPaused && !this.#isEnding && this.#reopen === undefined,
      retrying: this.#retrying,
    })
    const proofs = new EndProofs(state, this.#options.source, partition, processor, times, this.#signal.wake)
    const calls =
      state.calling &&
      new CallProcessor(state.calling, processor, { ...this.#options, ...times, wake: this.#signal.wake })
    this.#running = { state, processor, committer, proofs, calls }
    this.#totals = committer.totals
    for (const input of state.inputs) {
      input.start(this.#options.source, this.#signal.wake, (error) => {
        this.#error = error
        this.#signal.wake()
      })
    }
    this.#phase = 'loading'
    this.#problem = undefined
    listener.restored(partition, state.restoredRows, clock.monotonic() - began)
  }

  async #work(): Promise<void> {
    const { clock } = this.#options
    const { processor, proofs, calls, state } = this.#running as Running
    let sliceEnds = clock.monotonic() + SLICE_MS
    for (;;) {
      if (this.#error !== undefined) throw this.#error
      if (this.#reopen !== undefined) return
      const isOpen = this.#phase === 'loading' && state.pipelines.every((pipeline) => pipeline.isOpen)
      if (isOpen && state.tables.every((table) => processor.isStored(table))) {
        this.#phase = 'running'
        this.#options.listener.running()
      }
      this.#commitIfDue()
      if (this.#isQuiet()) {
        this.#tellQuiet()
        if (this.#isEnding) return
      }
      const hasRoom = processor.work.bytes < this.#options.commitBytes || this.#committing === undefined
      const worked =
        hasRoom &&
        ((await calls?.step(!this.#isPaused)) ||
          (!this.#isPaused && ((await proofs.step()) || (await processor.step()))))
      if (!worked) await this.#signal.wait(this.#nextTime())
      else if (clock.monotonic() < sliceEnds) continue
      else await clock.breathe()
      sliceEnds = clock.monotonic() + SLICE_MS
    }
  }

  #isQuiet(): boolean {
    if (!this.#isPaused || this.#committing !== undefined) return false
    const { processor, calls } = this.#running as Running
    if (!processor.work.isEmpty || calls?.hasReports) return false
    return !this.#isEnding || (calls?.running ?? 0) === 0
  }

  #commitIfDue(): void {
    const { processor, committer } = this.#running as Running
    const { work } = processor
    if (this.#committing !== undefined || work.since === undefined) return
    const due = work.since + this.#options.commitEveryMs
    const isDue = this.#isFlushing || work.isUrgent || work.bytes >= this.#options.commitBytes
    if (!isDue && this.#options.clock.monotonic() < due) return
    this.#committing = committer
      .commit()
      .then(
        (end) => {
          this.#problem = undefined
          if (end === 'committed') this.#totals = committer.totals
          else this.#reopen = end.reopen
        },
        (error: unknown) => {
          this.#error = error
        },
      )
      .finally(() => {
        this.#committing = undefined
        this.#signal.wake()
      })
  }

  /** When the loop has to look again though nothing arrives. */
  #nextTime(): number | undefined {
    const { processor, proofs, calls } = this.#running as Running
    const { since } = processor.work
    const times = [
      since === undefined || this.#committing !== undefined ? undefined : since + this.#options.commitEveryMs,
    ]
    if (!this.#isPaused) times.push(processor.until, proofs.until, calls?.until)
    const known = times.filter((time) => time !== undefined)
    return known.length === 0 ? undefined : Math.min(...known)
  }

  /** Forgets everything since the last commit. */
  async #discard(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    this.#error = undefined
    if (!this.#isPaused) this.#tellQuiet()
    if (running === undefined) return
    if (this.#reopen !== undefined && !this.#isEnding) this.#options.listener.reopening(this.partition, this.#reopen)
    await Promise.all(running.state.inputs.map((input) => input.stop()))
    if (this.#committing !== undefined) await this.#committing
    await running.state.session.close()
    failpoint('reopen.discarded')
  }
}
