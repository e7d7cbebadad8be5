import type { CallState, ReadyCall } from '../changelog/call-record.js'
import { keyText } from '../serde/key-text.js'

/** A call that may be claimed. */
export interface QueuedCall {
  readonly id: string
  readonly call: ReadyCall
  /** The earliest time of its next attempt, in milliseconds of the task's clock. */
  readonly notBefore: number
}

/**
 * The open calls of one pipeline in one task: which of them may be claimed, and what blocks the others. Each key has one claim
 * at a time, in the order of the stream; records without a key have no order.
 */
export class CallQueue {
  readonly #concurrency: number
  readonly #blocks: boolean
  /** In the order of the stream. */
  readonly #ready: QueuedCall[] = []
  /** Ids of claimed calls, those of previous owners included, by token. */
  readonly #claims = new Map<string, string>()
  /** How many calls block others with the same key. */
  readonly #busy = new Map<string, number>()
  #inDoubt = 0
  #bytes = 0
  /** The arrivals of claimed calls and of those in doubt, by id. */
  readonly #arrivals = new Map<string, number>()

  /** @param blocks whether a call in doubt blocks the others with its key */
  constructor(concurrency: number, blocks: boolean) {
    this.#concurrency = concurrency
    this.#blocks = blocks
  }

  get ready(): number {
    return this.#ready.length
  }

  /** The size of the records whose calls wait to be claimed. */
  get readyBytes(): number {
    return this.#bytes
  }

  get inDoubt(): number {
    return this.#inDoubt
  }

  get claims(): ReadonlyMap<string, string> {
    return this.#claims
  }

  /** The earliest arrival of a record whose call is open. */
  get oldestArrival(): number | undefined {
    let oldest = Number.POSITIVE_INFINITY
    for (const { call } of this.#ready) oldest = Math.min(oldest, call.arrival)
    for (const arrival of this.#arrivals.values()) oldest = Math.min(oldest, arrival)
    return oldest === Number.POSITIVE_INFINITY ? undefined : oldest
  }

  /** Adds a call in its current state. */
  enter(id: string, call: CallState, notBefore = 0): void {
    if (call.state === 'ready') {
      let at = this.#ready.length
      while (at > 0 && (this.#ready[at - 1] as QueuedCall).call.offset > call.offset) at--
      this.#ready.splice(at, 0, { id, call, notBefore })
      this.#bytes += sizeOf(call)
    } else if (call.state === 'claimed') {
      this.#arrivals.set(id, call.arrival)
      this.#claims.set(call.claim.token, id)
      this.#countBusy(call.record.key, 1)
    } else if (call.state === 'in-doubt') {
      this.#arrivals.set(id, call.arrival)
      this.#inDoubt++
      if (this.#blocks) this.#countBusy(call.record.key, 1)
    }
  }

  /** Removes a call in the state that it had when it was added. */
  leave(id: string, call: CallState): void {
    this.#arrivals.delete(id)
    if (call.state === 'ready') {
      const at = this.#ready.findIndex((queued) => queued.id === id)
      if (at >= 0) this.#ready.splice(at, 1)
      this.#bytes -= sizeOf(call)
    } else if (call.state === 'claimed') {
      this.#claims.delete(call.claim.token)
      this.#countBusy(call.record.key, -1)
    } else if (call.state === 'in-doubt') {
      this.#inDoubt--
      if (this.#blocks) this.#countBusy(call.record.key, -1)
    }
  }

  /** @returns calls that may be claimed at `now`, as many as `concurrency` still allows */
  claimable(now: number): QueuedCall[] {
    const free = this.#concurrency - this.#claims.size
    const found: QueuedCall[] = []
    const passed = new Set<string>()
    for (const queued of this.#ready) {
      if (found.length >= free) break
      const { key } = queued.call.record
      const text = key === null ? undefined : keyText(key)
      if (text !== undefined && (passed.has(text) || this.#busy.has(text))) continue
      if (text !== undefined) passed.add(text)
      if (queued.notBefore <= now) found.push(queued)
    }
    return found
  }

  /** @returns the earliest time after `now` at which a call may be retried, if one may then be claimed */
  nextTry(now: number): number | undefined {
    if (this.#claims.size >= this.#concurrency) return undefined
    let next: number | undefined
    for (const { notBefore } of this.#ready)
      if (notBefore > now && (next === undefined || notBefore < next)) next = notBefore
    return next
  }

  #countBusy(key: Uint8Array | null, by: 1 | -1): void {
    if (key === null) return
    const text = keyText(key)
    const count = (this.#busy.get(text) ?? 0) + by
    if (count === 0) this.#busy.delete(text)
    else this.#busy.set(text, count)
  }
}

const sizeOf = ({ record }: ReadyCall): number => (record.key?.length ?? 0) + (record.value?.length ?? 0)
