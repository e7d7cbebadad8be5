import type { Waiter } from './waiter.js'

/** The waiting events of one pipeline in one task: a FIFO for each key, in stream order. */
export class WaitingRoom {
  readonly #queues = new Map<string, Waiter[]>()
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
    return this.#queues.get(key)?.[0]
  }

  has(key: string): boolean {
    return this.#queues.has(key)
  }

  add(key: string, waiter: Waiter): void {
    const queue = this.#queues.get(key)
    if (queue === undefined) this.#queues.set(key, [waiter])
    else queue.push(waiter)
    this.#count++
    this.#bytes += waiter.bytes
  }

  /** Lets the first waiter of a key go. */
  removeHead(key: string): void {
    const queue = this.#queues.get(key) as Waiter[]
    const waiter = queue.shift() as Waiter
    waiter.gone = true
    if (queue.length === 0) this.#queues.delete(key)
    this.#count--
    this.#bytes -= waiter.bytes
  }

  /** The heads of all keys. */
  *heads(): Iterable<Waiter> {
    for (const queue of this.#queues.values()) yield queue[0] as Waiter
  }

  /** When the longest waiting event arrived. */
  get oldestArrival(): number | undefined {
    let oldest: number | undefined
    for (const { arrival } of this.heads()) if (oldest === undefined || arrival < oldest) oldest = arrival
    return oldest
  }
}
