import type { Waiter } from './waiter.js'

interface Queue {
  head: Waiter
  tail: Waiter
}

/**
 * The waiting events of one pipeline in one task: a FIFO for each key, in stream order. The queues are linked, because
 * all events may be of one key, and taking them one by one from the front of a long array takes seconds.
 */
export class WaitBuffer {
  readonly #queues = new Map<string, Queue>()
  #count = 0
  #bytes = 0

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The first waiter of a key: only it is looked at, the others queue behind it. */
  head(key: string): Waiter | undefined {
    return this.#queues.get(key)?.head
  }

  has(key: string): boolean {
    return this.#queues.has(key)
  }

  add(key: string, waiter: Waiter): void {
    const queue = this.#queues.get(key)
    if (queue === undefined) this.#queues.set(key, { head: waiter, tail: waiter })
    else {
      queue.tail.next = waiter
      queue.tail = waiter
    }
    this.#count++
    this.#bytes += waiter.bytes
  }

  /** Lets the first waiter of a key go. */
  removeHead(key: string): void {
    const queue = this.#queues.get(key) as Queue
    const waiter = queue.head
    if (waiter.next === undefined) this.#queues.delete(key)
    else queue.head = waiter.next
    waiter.hasLeft = true
    waiter.next = undefined
    this.#count--
    this.#bytes -= waiter.bytes
  }

  /** The heads of all keys. */
  *heads(): Iterable<Waiter> {
    for (const { head } of this.#queues.values()) yield head
  }

  /** When the longest waiting event arrived. */
  get oldestArrival(): number | undefined {
    let oldest: number | undefined
    for (const { arrival } of this.heads()) if (oldest === undefined || arrival < oldest) oldest = arrival
    return oldest
  }
}
