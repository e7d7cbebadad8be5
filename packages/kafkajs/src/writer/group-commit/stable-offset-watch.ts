import type { Clock } from '@joinery/core'

/** Options of {@link StableOffsetWatch}. */
export interface StableOffsetWatchOptions {
  readonly clock: Clock
  /** @returns the last stable offset of the changelog */
  readonly lastStableOffset: () => Promise<number>
  /**
   * Ends the transaction whose first open record lies at an offset.
   *
   * @param isHanging whether its InitProducerId was sent before, and has not helped
   * @returns whether it was ended
   */
  readonly endBlocking: (offset: number, isHanging: boolean) => Promise<boolean>
  /** Is called when nothing holds the changelog up. */
  readonly onStable: () => void
}

const INTERVAL_MS = 60_000

/**
 * Watches the last stable offset of a changelog while its task runs. Records of an earlier owner that no transaction owns any
 * longer, because a marker was skipped, would hold up the compaction of the changelog, and the next owner. With a commit, at
 * most once a minute, it looks whether the commit of a minute ago can be read.
 */
export class StableOffsetWatch {
  readonly #options: StableOffsetWatchOptions
  /** The offset of the commit with which it looked last, or began. */
  #offset: number
  #searchedAt: number
  /** The last stable offset whose transaction was ended. */
  #endedAt = -1
  #isClosed = false

  /** @param offset that of OWNER, which can be read */
  constructor(offset: number, options: StableOffsetWatchOptions) {
    this.#options = options
    this.#offset = offset
    this.#searchedAt = options.clock.monotonic()
  }

  /** The session has committed, up to this offset. */
  committed(offset: number): void {
    const now = this.#options.clock.monotonic()
    if (now - this.#searchedAt < INTERVAL_MS) return
    this.#searchedAt = now
    const before = this.#offset
    this.#offset = offset
    this.#look(before).catch(() => {}) // the next look shows what is wrong
  }

  close(): void {
    this.#isClosed = true
    this.#options.onStable()
  }

  async #look(before: number): Promise<void> {
    const { lastStableOffset, endBlocking, onStable } = this.#options
    const end = await lastStableOffset()
    if (this.#isClosed) return
    if (end > before) onStable()
    else if (await endBlocking(end, this.#endedAt === end)) this.#endedAt = end
    if (this.#isClosed) onStable() // what was reported meanwhile
  }
}
