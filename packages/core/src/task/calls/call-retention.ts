import type { UncommittedWork } from '../commit/uncommitted-work.js'
import type { EndOffset } from '../end-offset.js'
import type { CallPipeline } from './call-pipeline.js'
import type { CallStore, StoredCall } from './call-store.js'

/** The number of stored calls that one step examines. */
const BATCH_SIZE = 500
/** The maximum number of sweeps for finished calls in one retention time. */
const SWEEPS_PER_RETENTION = 32

/**
 * Deletes the finished calls of one pipeline after their retention, but only once the stream has been read to an end offset
 * requested after that: a duplicate may have been written before the retention ended.
 */
export class CallRetention {
  readonly #calls: CallPipeline
  readonly #store: CallStore
  readonly #end: EndOffset
  readonly #now: () => number
  #sweepAt: number
  #sweep: { readonly time: number; readonly left: AsyncIterator<StoredCall>; oldest: number } | undefined

  /**
   * @param firstFinished when the oldest stored call was finished
   * @param now milliseconds of the log's clock
   */
  constructor(
    calls: CallPipeline,
    store: CallStore,
    end: EndOffset,
    firstFinished: number | undefined,
    now: () => number,
  ) {
    this.#calls = calls
    this.#store = store
    this.#end = end
    this.#now = now
    this.#sweepAt = (firstFinished ?? now()) + calls.operator.plan.retentionMs
  }

  /** Whether no sweep is running and no end offset is being requested. */
  get isIdle(): boolean {
    return this.#sweep === undefined && !this.#end.isPending
  }

  /**
   * Searches for finished calls, a batch at a time.
   *
   * @returns whether a sweep is running
   */
  async step(work: UncommittedWork): Promise<boolean> {
    const { operator, input } = this.#calls
    if (this.#sweep === undefined) {
      const time = this.#end.reached(input.next)
      if (time === undefined) {
        if (this.#sweepAt <= this.#now()) this.#end.request(this.#now())
        return false
      }
      this.#sweep = { time, left: this.#store.all([operator]), oldest: this.#now() }
    }
    const sweep = this.#sweep
    const expired: StoredCall[] = []
    for (let i = 0; i < BATCH_SIZE; i++) {
      const next = await sweep.left.next()
      if (next.done) {
        const { retentionMs } = operator.plan
        this.#sweepAt = Math.max(sweep.oldest + retentionMs, this.#now() + retentionMs / SWEEPS_PER_RETENTION)
        this.#sweep = undefined
        break
      }
      const { call } = next.value
      if (operator.isExpired(call, sweep.time)) expired.push(next.value)
      else if ('finishedAt' in call) sweep.oldest = Math.min(sweep.oldest, call.finishedAt)
    }
    const ids = expired.map(({ id }) => id)
    const found = await this.#store.find(operator, ids, work.batches)
    expired.forEach(({ id, call }, i) => {
      // it may have been deleted already, and the id may belong to another call, which is not stored yet
      if (found[i]?.offset === call.offset) operator.forget(id, work.current)
    })
    return true
  }

  /** Milliseconds until the next sweep is due; `undefined` while one is running or its end offset is awaited. */
  get wait(): number | undefined {
    if (this.#end.requested !== undefined || this.#sweep !== undefined) return undefined
    return Math.max(0, this.#sweepAt - this.#now())
  }

  /** No end offset is requested before this, in monotonic milliseconds. */
  get retryAt(): number {
    return this.#end.retryAt
  }
}
