import type { LogSource, TopicPartition } from '../log/contract.js'

const RETRY_MS = 1_000

/** The end of a partition that was requested, and has to be processed. */
export interface RequestedEnd<T = number> {
  /** What {@link EndOffset.request} was given: when the end was requested. */
  readonly requestedAt: T
  /** The end; `undefined` until the log has answered. */
  readonly end: number | undefined
}

/** What an {@link EndOffset} works with. */
export interface EndOffsetOptions {
  readonly source: Pick<LogSource, 'endOffset'>
  readonly at: TopicPartition
  /** Monotonic milliseconds. */
  readonly monotonic: () => number
  /** Called when the log has answered. */
  readonly wake: () => void
}

/**
 * Requests the end offset of a partition, and knows when it has been processed: then nothing is missing of what was
 * committed before the request. A request that fails is sent again after a second.
 */
export class EndOffset<T = number> {
  readonly #options: EndOffsetOptions
  #requested: { readonly requestedAt: T; end: number | undefined } | undefined
  #retryAt = 0
  #problem: string | undefined

  constructor(options: EndOffsetOptions) {
    this.#options = options
  }

  /** The end that is being waited for. */
  get requested(): RequestedEnd<T> | undefined {
    return this.#requested
  }

  /** Whether the log has not answered yet. */
  get isPending(): boolean {
    return this.#requested !== undefined && this.#requested.end === undefined
  }

  /** No request is sent before, in monotonic milliseconds: the last one failed. */
  get retryAt(): number {
    return this.#retryAt
  }

  /** What the last request failed with, in words; `undefined` once one has succeeded. */
  get problem(): string | undefined {
    return this.#problem
  }

  /**
   * Requests the end now, unless one is being waited for or the last request has just failed.
   *
   * @param requestedAt comes back from {@link reached}
   */
  request(requestedAt: T, kind: 'high-watermark' | 'last-stable-offset' = 'high-watermark'): void {
    const { source, at, monotonic, wake } = this.#options
    if (this.#requested !== undefined || monotonic() < this.#retryAt) return
    const requested = { requestedAt, end: undefined as number | undefined }
    this.#requested = requested
    source.endOffset(at, kind).then(
      (end) => {
        requested.end = end
        this.#problem = undefined
        wake()
      },
      (error: unknown) => {
        this.#problem = `could not fetch the end offset of ${at.topic}[${at.partition}]: ${String(error)}`
        this.#requested = undefined
        this.#retryAt = monotonic() + RETRY_MS
        wake()
      },
    )
  }

  /**
   * Whether everything before the requested end has been processed; after that another end can be requested.
   *
   * @param next the offset behind the last processed record
   * @returns what the request was given; `undefined` as long as the end is not reached or not known
   */
  reached(next: number): T | undefined {
    const requested = this.#requested
    if (requested?.end === undefined || next < requested.end) return undefined
    this.#requested = undefined
    return requested.requestedAt
  }
}
