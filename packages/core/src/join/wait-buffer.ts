import type { WaitPlan } from '../pipeline/option-validator.js'
import type { Waiter } from './waiter.js'

interface Queue {
  head: Waiter
  tail: Waiter
}

/**
 * The waiting events of one pipeline in one task: a FIFO queue for each key, in stream order. The queues are linked lists,
 * because all events may have the same key, and removing them one by one from the front of a long array takes seconds.
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

  /** @returns the first waiter of a key, the only one that is evaluated */
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

  /** @returns whether one more event of this size exceeds the bounds. An empty buffer accepts an event of any size. */
  isFullFor(bytes: number, { maxRecords, maxBytes }: Pick<WaitPlan, 'maxRecords' | 'maxBytes'>): boolean {
    return this.#count > 0 && (this.#count >= maxRecords || this.#bytes + bytes > maxBytes)
  }

  /** Removes the first waiter of a key. */
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

  /** @returns the first waiters of all keys */
  *heads(): Iterable<Waiter> {
    for (const { head } of this.#queues.values()) yield head
  }

  /** The earliest arrival of a waiting event. */
  get oldestArrival(): number | undefined {
    let oldest: number | undefined
    for (const { arrival } of this.heads()) if (oldest === undefined || arrival < oldest) oldest = arrival
    return oldest
  }
}
