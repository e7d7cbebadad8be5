import type { Waiter } from './waiter.js'

interface Entry {
  readonly deadline: number
  readonly waiter: Waiter
}

/** The waiters that are held at one join, earliest deadline first. An entry is dead once its waiter has left, or is held at another join. */
export class DeadlineQueue {
  readonly #join: number
  readonly #heap: Entry[] = []

  constructor(join: number) {
    this.#join = join
  }

  add(waiter: Waiter, deadline: number): void {
    const heap = this.#heap
    let at = heap.push({ deadline, waiter }) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if ((heap[parent] as Entry).deadline <= deadline) break
      this.#swap(at, parent)
      at = parent
    }
  }

  /** The earliest deadline of a waiter that is still held here. */
  get next(): number | undefined {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#isLive(first)) return first.deadline
      this.#removeFirst()
    }
    return undefined
  }

  /** Takes out the waiters whose deadline is at or before `time`, at most `most` of them. */
  takeDue(time: number, most: number): Waiter[] {
    const due: Waiter[] = []
    while (due.length < most && (this.next ?? Number.POSITIVE_INFINITY) <= time) {
      due.push((this.#heap[0] as Entry).waiter)
      this.#removeFirst()
    }
    return due
  }

  #isLive({ waiter }: Entry): boolean {
    return !waiter.gone && waiter.join === this.#join
  }

  #removeFirst(): void {
    const heap = this.#heap
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
