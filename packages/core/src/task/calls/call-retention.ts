import type { UncommittedWork } from '../commit/uncommitted-work.js'
import type { EndOffset } from '../end-offset.js'
import type { CallPipeline } from './call-pipeline.js'
import type { CallStore, StoredCall } from './call-store.js'

/** Stored calls examined in one step. */
const BATCH_SIZE = 500
/** The most sweeps for finished calls in one retention time. */
const SWEEPS_PER_RETENTION = 32

/**
 * Deletes the finished calls of one pipeline after their retention, but only once the stream has been read to its end
 * offset as of that time, because a duplicate may be in it.
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
    const over: StoredCall[] = []
    for (let i = 0; i < BATCH_SIZE; i++) {
      const next = await sweep.left.next()
      if (next.done) {
        const { retentionMs } = operator.plan
        this.#sweepAt = Math.max(sweep.oldest + retentionMs, this.#now() + retentionMs / SWEEPS_PER_RETENTION)
        this.#sweep = undefined
        break
      }
      const { call } = next.value
      if (operator.isOver(call, sweep.time)) over.push(next.value)
      else if ('finishedAt' in call) sweep.oldest = Math.min(sweep.oldest, call.finishedAt)
    }
    const ids = over.map(({ id }) => id)
    const found = await this.#store.find(operator, ids, work.batches)
    over.forEach(({ id, call }, i) => {
      // it may be forgotten already, and the id may have started another call, which is not stored yet
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
