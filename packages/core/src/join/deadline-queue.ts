import type { Waiter } from './waiter.js'

interface Entry {
  readonly deadline: number
  readonly waiter: Waiter
}

/** Below this size, dead entries are not worth removing. */
const CLEAN_AT = 1_024

/**
 * The waiters at one join, earliest deadline first. An entry is dead once its waiter has left, or waits at another
 * join; dead entries never make up much more than half of the queue.
 */
export class DeadlineQueue {
  readonly #join: number
  #heap: Entry[] = []
  readonly #queued = new Set<Waiter>()
  #cleanAt = CLEAN_AT

  constructor(join: number) {
    this.#join = join
  }

  /** The number of entries, including dead ones. */
  get size(): number {
    return this.#heap.length
  }

  /** Adds a waiter with its deadline, which never changes. Adding the same waiter again does nothing. */
  add(waiter: Waiter, deadline: number): void {
    if (this.#queued.has(waiter)) return
    if (this.#heap.length >= this.#cleanAt) this.#clean()
    this.#queued.add(waiter)
    this.#push({ deadline, waiter })
  }

  /** The earliest deadline of a waiter that still waits at this join. */
  get next(): number | undefined {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#isLive(first)) return first.deadline
      this.#removeFirst()
    }
    return undefined
  }

  /**
   * Removes waiters that are due.
   *
   * @returns those whose deadline is at or before `time`, at most `limit` of them
   */
  takeDue(time: number, limit: number): Waiter[] {
    const due: Waiter[] = []
    while (due.length < limit) {
      const { next } = this
      if (next === undefined || next > time) break
      due.push((this.#heap[0] as Entry).waiter)
      this.#removeFirst()
    }
    return due
  }

  #isLive({ waiter }: Entry): boolean {
    return !waiter.hasLeft && waiter.join === this.#join
  }

  /** Removes dead entries. Otherwise they would stay in memory for as long as a waiter with an earlier deadline waits. */
  #clean(): void {
    const live = this.#heap.filter((entry) => this.#isLive(entry))
    this.#heap = []
    this.#queued.clear()
    for (const entry of live) {
      this.#queued.add(entry.waiter)
      this.#push(entry)
    }
    this.#cleanAt = Math.max(CLEAN_AT, 2 * live.length)
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.push(entry) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if ((heap[parent] as Entry).deadline <= entry.deadline) break
      this.#swap(at, parent)
      at = parent
    }
  }

  #removeFirst(): void {
    const heap = this.#heap
    this.#queued.delete((heap[0] as Entry).waiter)
    const last = heap.pop() as Entry
    if (heap.length === 0) return
    heap[0] = last
    for (let at = 0; ; ) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && (heap[child] as Entry).deadline < (heap[least] as Entry).deadline) least = child
      }
      if (least === at) return
      this.#swap(at, least)
      at = least
    }
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap
    const entry = heap[a] as Entry
    heap[a] = heap[b] as Entry
    heap[b] = entry
  }
}
