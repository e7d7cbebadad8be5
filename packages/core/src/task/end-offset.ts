import type { Clock } from '../clock.js'
import type { LogSource, TopicPartition } from '../log/contract.js'

const RETRY_MS = 1_000

interface RequestedEnd {
  readonly time: number
  /** `undefined` until the log has answered. */
  end: number | undefined
}

/** The end of everything that was acknowledged up to now, asked for when somebody has to have read so far. */
export class EndOffset {
  readonly #source: LogSource
  readonly #at: TopicPartition
  readonly #clock: Clock
  readonly #wake: () => void
  #asked: RequestedEnd | undefined
  /** Not before, in monotonic milliseconds: the last request failed. */
  retryAt = 0

  constructor(source: LogSource, at: TopicPartition, clock: Clock, wake: () => void) {
    this.#source = source
    this.#at = at
    this.#clock = clock
    this.#wake = wake
  }

  /** Whether an end was asked for and not {@link reached} yet. */
  get isOpen(): boolean {
    return this.#asked !== undefined
  }

  /** Whether the log has not answered yet. */
  get isAsking(): boolean {
    return this.#asked !== undefined && this.#asked.end === undefined
  }

  /** Asks now, unless an end is being waited for. `time` comes back from {@link reached}. */
  ask(time: number): void {
    if (this.#asked !== undefined || this.#clock.monotonic() < this.retryAt) return
    const asked: RequestedEnd = { time, end: undefined }
    this.#asked = asked
    this.#source.endOffset(this.#at, 'high-watermark').then(
      (end) => {
        asked.end = end
        this.#wake()
      },
      () => {
        this.#asked = undefined
        this.retryAt = this.#clock.monotonic() + RETRY_MS
        this.#wake()
      },
    )
  }

  /** The time that the end was asked for with, once `next` has reached it; it can be asked for again then. */
  reached(next: number): number | undefined {
    const asked = this.#asked
    if (asked?.end === undefined || next < asked.end) return undefined
    this.#asked = undefined
    return asked.time
  }
}
