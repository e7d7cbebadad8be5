/**
 * When a task last made progress, and since when it has failed, in monotonic milliseconds. A task makes progress when it commits,
 * and has nothing to do when it has processed and committed everything that it has read: both end a series of failures. Reading
 * during a restore is progress, too, but a task that restores the same state again and again gets nowhere.
 */
export class TaskProgress {
  readonly #monotonic: () => number
  #madeAt: number
  #failures = 0
  #failingSince: number | undefined
  #pausedAt: number | undefined
  /** Whether the task waits for something to do. */
  isIdle = false
  /** Since when a commit has been in flight. */
  committingSince: number | undefined

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic
    this.#madeAt = monotonic()
  }

  /** Since when attempts of the task have failed without a success; `undefined` while it runs. */
  get failingSince(): number | undefined {
    return this.#failingSince
  }

  /** Since when there has been no progress. One failure is normal: the restore after it may take long. */
  get noneSince(): number {
    return this.#failingSince !== undefined && this.#failures > 1
      ? Math.min(this.#failingSince, this.#madeAt)
      : this.#madeAt
  }

  /** A batch of the state was read. */
  restored(): void {
    this.#madeAt = this.#monotonic()
  }

  /** A running task has committed, or has nothing to do. */
  made(): void {
    this.#madeAt = this.#monotonic()
    this.#failures = 0
    this.#failingSince = undefined
  }

  /** A commit begins. */
  commitBegins(): void {
    this.committingSince = this.#monotonic()
  }

  /** The group rebalances. */
  paused(): void {
    this.#pausedAt ??= this.#monotonic()
  }

  /** The group has rebalanced: that time does not count. */
  resumed(): void {
    if (this.#pausedAt === undefined) return
    const now = this.#monotonic()
    this.#madeAt = Math.min(now, this.#madeAt + now - this.#pausedAt)
    this.#pausedAt = undefined
  }

  /** The task has to be reopened, or cannot be opened. */
  failed(): void {
    this.#failures++
    this.#failingSince ??= this.#monotonic()
  }
}
