import type { LogSource, TopicPartition } from '../log/contract.js'

const RETRY_MS = 1_000

/** A requested end offset, up to which a partition has to be processed. */
export interface RequestedEnd<T = number> {
  /** The argument of {@link EndOffset.request}: when the end offset was requested. */
  readonly requestedAt: T
  /** The end offset; `undefined` until the log has returned it. */
  readonly end: number | undefined
}

/** Options of {@link EndOffset}. */
export interface EndOffsetOptions {
  readonly source: Pick<LogSource, 'endOffset'>
  readonly topicPartition: TopicPartition
  /** Monotonic milliseconds. */
  readonly monotonic: () => number
  /** Called when a request has succeeded or failed. */
  readonly wake: () => void
}

/**
 * Requests the end offset of a partition, and reports when everything before it has been processed: nothing is missing
 * then of what was committed before the request. After a request that fails, the next one can be sent a second later.
 */
export class EndOffset<T = number> {
  readonly #options: EndOffsetOptions
  #requested: { readonly requestedAt: T; end: number | undefined } | undefined
  #retryAt = 0
  #problem: string | undefined

  constructor(options: EndOffsetOptions) {
    this.#options = options
  }

  /** The end offset that was requested and is not reached yet. */
  get requested(): RequestedEnd<T> | undefined {
    return this.#requested
  }

  /** Whether a request is in flight. */
  get isPending(): boolean {
    return this.#requested !== undefined && this.#requested.end === undefined
  }

  /** No request is sent before this, in monotonic milliseconds: the last one failed. */
  get retryAt(): number {
    return this.#retryAt
  }

  /** The error of the last request, as text; `undefined` once a request has succeeded. */
  get problem(): string | undefined {
    return this.#problem
  }

  /**
   * Requests the end offset now, unless one is awaited already or the last request has just failed.
   *
   * @param requestedAt returned by {@link reached}
   */
  request(requestedAt: T, kind: 'high-watermark' | 'last-stable-offset' = 'high-watermark'): void {
    const { source, topicPartition, monotonic, wake } = this.#options
    if (this.#requested !== undefined || monotonic() < this.#retryAt) return
    const requested = { requestedAt, end: undefined as number | undefined }
    this.#requested = requested
    source.endOffset(topicPartition, kind).then(
      (end) => {
        requested.end = end
        this.#problem = undefined
        wake()
      },
      (error: unknown) => {
        const { topic, partition } = topicPartition
        this.#problem = `could not fetch the end offset of ${topic}[${partition}]: ${String(error)}`
        this.#requested = undefined
        this.#retryAt = monotonic() + RETRY_MS
        wake()
      },
    )
  }

  /**
   * Whether everything before the requested end offset has been processed; after that another one can be requested.
   *
   * @param next the offset after the last processed record
   * @returns the argument of {@link request}; `undefined` while the end offset is unknown or not reached
   */
  reached(next: number): T | undefined {
    const requested = this.#requested
    if (requested?.end === undefined || next < requested.end) return undefined
    this.#requested = undefined
    return requested.requestedAt
  }
}
