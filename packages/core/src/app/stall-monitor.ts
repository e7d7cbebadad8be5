import type { Clock, Timer } from '../clock.js'
import type { LogSource } from '../log/contract.js'
import type { Task } from '../task/task.js'
import type { StalledTask } from './app.js'
import type { AppEvent } from './app-event.js'

/** How often the tasks are checked, if the log knows more than it delivers. */
const OFTEN_MS = 1_000
/** How often otherwise: their health can be requested at any time, and only events can be late. */
const SELDOM_MS = 10_000

/** Options of {@link StallMonitor}. */
export interface StallMonitorOptions {
  readonly clock: Clock
  readonly tasks: () => readonly Task[]
  /** How long a task may make no progress although there is work, in milliseconds. */
  readonly afterMs: number
  readonly source: LogSource
  readonly emit: (event: AppEvent) => void
  /** Called after the tasks were checked. */
  readonly checked: () => void
}

/** Watches the progress of an instance's tasks, with one timer for all of them. */
export class StallMonitor {
  readonly #options: StallMonitorOptions
  /** Since when the tasks are stalled that were reported, in monotonic milliseconds. */
  readonly #reported = new Map<Task, number>()
  #timer: Timer | undefined
  #isStopped = false

  constructor(options: StallMonitorOptions) {
    this.#options = options
  }

  /** The tasks that are stalled now. */
  get stalled(): readonly StalledTask[] {
    const { tasks, clock, afterMs } = this.#options
    return tasks().flatMap(({ partition: task, health }) => {
      const stall = health.stall(afterMs)
      if (stall === undefined) return []
      return [{ task, forMs: Math.round(clock.monotonic() - stall.since), reasons: stall.reasons }]
    })
  }

  start(): void {
    if (this.#isStopped) return
    const { clock, source, checked } = this.#options
    this.#timer = clock.setTimeout(
      () => {
        this.#check()
        checked()
        this.start()
      },
      source.fetchedEnds ? OFTEN_MS : SELDOM_MS,
    )
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #check(): void {
    const { tasks, clock, source, afterMs, emit } = this.#options
    const now = clock.monotonic()
    const all = new Set(tasks())
    for (const task of all) {
      task.health.observe(source)
      const stall = task.health.stall(afterMs)
      if (stall === undefined || this.#reported.has(task)) continue
      this.#reported.set(task, stall.since)
      emit({ type: 'stalled', task: task.partition, forMs: Math.round(now - stall.since), reasons: stall.reasons })
    }
    for (const [task, since] of this.#reported) {
      if (all.has(task) && task.health.stall(afterMs) !== undefined) continue
      this.#reported.delete(task)
      emit({ type: 'stall-ended', task: task.partition, afterMs: Math.round(now - since) })
    }
  }
}
