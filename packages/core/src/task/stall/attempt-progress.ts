import type { TaskProgress } from './task-progress.js'

/** Records the progress of one attempt of a task. */
export class AttemptProgress {
  readonly #progress: TaskProgress
  readonly #recovered: () => void
  readonly #inputs: readonly { readonly next: number }[]
  /** The sum of the positions in the last commit. */
  #offsets: number
  #hasEnded = false

  /** @param recovered called when a task that was reopened makes progress again */
  constructor(progress: TaskProgress, inputs: readonly { readonly next: number }[], recovered: () => void) {
    this.#progress = progress
    this.#inputs = inputs
    this.#recovered = recovered
    this.#offsets = sumOf(inputs)
  }

  /**
   * A commit begins. Some commits do not count as progress: they only save when a table was read to its end.
   *
   * @returns called if it succeeds
   */
  commitBegins(isRunning: boolean, logBytes: number): () => void {
    const offsets = sumOf(this.#inputs)
    const isProgress = logBytes > 0 || offsets !== this.#offsets
    return () => {
      this.#offsets = offsets
      if (!isProgress) return
      // while tables are loaded, it may be the same that has succeeded in the attempt before
      if (isRunning) this.#made()
      else this.#progress.restored()
    }
  }

  /** @returns the same result, which is awaited as the end of a commit */
  async whileCommitting<T>(commit: Promise<T>): Promise<T> {
    this.#progress.commitBegins()
    try {
      return await commit
    } finally {
      this.#progress.committingSince = undefined
    }
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

const sumOf = (inputs: readonly { readonly next: number }[]): number => inputs.reduce((sum, { next }) => sum + next, 0)
