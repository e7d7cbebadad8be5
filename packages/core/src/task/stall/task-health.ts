import type { LogSource } from '../../log/contract.js'
import { PendingStoreCalls } from '../stores/pending-store-calls.js'
import type { TaskAttempt } from '../task-attempt.js'
import type { TaskPhase } from '../task-phase.js'
import { taskProblems } from '../task-problems.js'
import { lastingProblems, slowCommitProblem } from './lasting-problems.js'
import { inputStalledSince, type Stall, stallReasons } from './stall.js'
import { TaskProgress } from './task-progress.js'

/** A task, as {@link TaskHealth} sees it. */
export interface ObservedTask {
  readonly phase: TaskPhase
  readonly attempt: Pick<TaskAttempt, 'state' | 'hasWork' | 'isCommitting' | 'halt'> | undefined
}

/** What is wrong with a task, whether it runs, and whether it makes progress. */
export class TaskHealth {
  readonly progress: TaskProgress
  readonly storeCalls: PendingStoreCalls
  /** The error after which something is retried, as text. */
  retryProblem: string | undefined
  readonly #partition: number
  readonly #monotonic: () => number
  readonly #now: () => number
  readonly #task: () => ObservedTask
  #hasRun = false

  /** @param times the monotonic time and anchored time, in milliseconds */
  constructor(
    partition: number,
    times: { readonly monotonic: () => number; readonly now: () => number },
    task: () => ObservedTask,
  ) {
    this.#partition = partition
    this.#monotonic = times.monotonic
    this.#now = times.now
    this.#task = task
    this.progress = new TaskProgress(this.#monotonic)
    this.storeCalls = new PendingStoreCalls(this.#monotonic)
  }

  /** The task has loaded its tables. */
  running(): void {
    this.#hasRun = true
  }

  /**
   * Current problems, as text.
   *
   * @param atMostMs what is normal for a short time is a problem after this time in any case
   */
  problems(atMostMs: number): string[] {
    const { attempt } = this.#task()
    const own = this.retryProblem === undefined ? [] : [this.retryProblem]
    const { oldest } = this.storeCalls
    const now = this.#monotonic()
    const lasting = lastingProblems(attempt?.state.inputs ?? [], oldest, now, atMostMs)
    const { committingSince: since } = this.progress
    // a commit that waits for a store, or is retried, is named by that
    const isNamed = oldest !== undefined || this.retryProblem !== undefined
    if (since !== undefined && !isNamed)
      lasting.push(...slowCommitProblem({ partition: this.#partition, since }, now, atMostMs))
    const halt = attempt?.halt
    return [
      ...own,
      ...(halt === undefined ? [] : [`task ${this.#partition} halts once its calls are over: ${halt.message}`]),
      ...lasting,
      ...(attempt === undefined ? [] : taskProblems(this.#partition, attempt.state, this.#now())),
    ]
  }

  /**
   * Whether the task runs. One that has run before may be reopened, or wait for its stores or for a commit, for up to `toleranceMs`:
   * such interruptions are normal.
   */
  isRunning(toleranceMs: number): boolean {
    const { phase } = this.#task()
    if (!this.#hasRun) return phase === 'running'
    if (phase === 'paused' || phase === 'ended') return false
    const { failingSince = Number.POSITIVE_INFINITY, committingSince = Number.POSITIVE_INFINITY } = this.progress
    const { since: waitingSince = Number.POSITIVE_INFINITY } = this.storeCalls.oldest ?? {}
    return this.#monotonic() - Math.min(failingSince, committingSince, waitingSince) <= toleranceMs
  }

  /** Learns the ends of the inputs, from what was fetched last. */
  observe(source: LogSource): void {
    if (source.fetchedEnds === undefined) return
    const now = this.#monotonic()
    for (const input of this.#task().attempt?.state.inputs ?? [])
      input.observe(source.fetchedEnds({ topic: input.topic, partition: input.partition }), now)
  }

  /**
   * @returns how the task is held up, if it has made no progress for longer than `afterMs` although there is work, or one of its inputs
   * has been held up for that time, whatever the others do
   */
  stall(afterMs: number): Stall | undefined {
    const { phase, attempt } = this.#task()
    if (phase === 'paused' || phase === 'ended' || attempt?.hasWork === false) return undefined
    const { isIdle, noneSince } = this.progress
    const ofTask = isIdle && attempt !== undefined ? Number.POSITIVE_INFINITY : noneSince
    const ofInputs = attempt === undefined ? undefined : inputStalledSince(attempt.state)
    const since = Math.min(ofTask, ofInputs ?? ofTask)
    if (this.#monotonic() - since < afterMs) return undefined
    const parts = { partition: this.#partition, phase, problems: this.problems(afterMs) }
    return {
      since,
      reasons: stallReasons({ ...parts, state: attempt?.state, isCommitting: attempt?.isCommitting === true }),
    }
  }
}
