import type { TaskProgress } from './task-progress.js'

/** Records the progress of one attempt of a task. */
export class AttemptProgress {
  readonly #progress: TaskProgress
  readonly #recovered: () => void
  #hasEnded = false

  /** @param recovered called when a task that was reopened makes progress again */
  constructor(progress: TaskProgress, recovered: () => void) {
    this.#progress = progress
    this.#recovered = recovered
  }

  /** A commit has succeeded. While tables are loaded, it may be the same that has succeeded in the attempt before. */
  committed(wasRunning: boolean): void {
    if (wasRunning) this.#made()
    else this.#progress.restored()
  }

  /** @param isIdle whether there is nothing to do until something arrives */
  async whileWaiting(isIdle: boolean, wait: () => Promise<void>): Promise<void> {
    if (isIdle) this.#made()
    this.#progress.isIdle = isIdle
    await wait()
    this.#progress.isIdle = false
    if (isIdle) this.#progress.made() // there was nothing to do until now
  }

  /** The attempt has failed or been ended. A commit in flight may still succeed, but the task does not run. */
  ended(): void {
    this.#hasEnded = true
  }

  #made(): void {
    const hasRecovered = this.#progress.failingSince !== undefined
    this.#progress.made()
    if (this.#hasEnded) this.#progress.failed()
    else if (hasRecovered) this.#recovered()
  }
}
