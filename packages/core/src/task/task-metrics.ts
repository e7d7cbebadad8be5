import type { TaskAttempt } from './task-attempt.js'
import { oldestWaitMs } from './task-gauges.js'

/**
 * Metrics of a task's current attempt; between two attempts, those of the last one, so that they do not drop to zero.
 */
export class TaskMetrics {
  readonly #now: () => number
  #gauges: Readonly<Record<string, number>> = {}
  #oldestWaitMs: Readonly<Record<string, number>> = {}

  /** @param now anchored time, in milliseconds */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Sizes of the task's bounded buffers and caches. */
  gauges(attempt: TaskAttempt | undefined): Readonly<Record<string, number>> {
    return attempt?.gauges() ?? this.#gauges
  }

  /** The age of the oldest waiting event of a pipeline, in milliseconds. */
  oldestWaitMs(attempt: TaskAttempt | undefined, pipeline: string): number {
    if (attempt === undefined) return this.#oldestWaitMs[pipeline] ?? 0
    return oldestWaitMs(attempt.state, pipeline, this.#now())
  }

  /** Retains the metrics of an attempt that ends. */
  retain(attempt: TaskAttempt): void {
    const waits = Object.keys(attempt.totals).map((name) => [name, this.oldestWaitMs(attempt, name)] as const)
    this.#gauges = attempt.gauges()
    this.#oldestWaitMs = Object.fromEntries(waits)
  }
}
