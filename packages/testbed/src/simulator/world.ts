import { Random } from './random.js'

/** Who an event belongs to: a process that is stopped gets it later, a dead one never. */
export interface Owner {
  readonly name: string
  readonly isAlive: boolean
  readonly isPaused: boolean
  /** Keeps an event until the process goes on. */
  defer(event: () => void): void
  /** Called before each of its events; it may not be alive afterwards, or be stopped. */
  step(): void
}

interface Event {
  readonly at: number
  readonly order: number
  readonly label: string
  readonly run: () => void
  readonly owner: Owner | undefined
  isCancelled: boolean
}

/** Simulated time: events in their order, one after the other, with everything that an event causes at once done before the next. */
export class World {
  readonly random: Random
  /** Dice for what has to be unique, and changes nothing else. */
  readonly tokens: Random = new Random(1)
  #now = 0
  #order = 0
  #hash = 0x811c9dc5
  readonly #heap: Event[] = []
  steps = 0
  /** What happened, if somebody wants to read it. */
  readonly trace: string[] | undefined

  constructor(random: Random, keepsTrace = false) {
    this.random = random
    this.trace = keepsTrace ? [] : undefined
  }

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.#now
  }

  /** Equal for equal histories. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0')
  }

  /** Runs something after `ms`. Answers how to call it off. */
  after(ms: number, label: string, run: () => void, owner?: Owner): () => void {
    const event: Event = {
      at: this.#now + Math.max(0, ms),
      order: this.#order++,
      label,
      run,
      owner,
      isCancelled: false,
    }
    this.#push(event)
    return () => {
      event.isCancelled = true
    }
  }

  /** Resolves after `ms`. */
  sleep(ms: number, label: string, owner?: Owner): Promise<void> {
    return new Promise((resolve) => this.after(ms, label, resolve, owner))
  }

  /** Notes something in the trace. */
  note(text: string): void {
    for (let i = 0; i < text.length; i++) this.#hash = Math.imul(this.#hash ^ text.charCodeAt(i), 0x01000193)
    this.trace?.push(`${this.#now.toFixed(1)} ${text}`)
  }

  /** Runs events until `isDone`. Answers false if there is nothing left to run, or `maxSteps` were not enough. */
  async run(isDone: () => boolean, maxSteps: number): Promise<boolean> {
    for (let steps = 0; !isDone(); steps++) {
      const event = this.#pop()
      if (event === undefined || steps >= maxSteps) return false
      if (event.isCancelled || isDead(event.owner)) continue
      this.#now = Math.max(this.#now, event.at)
      if (event.owner?.isPaused === false) event.owner.step()
      if (isDead(event.owner)) continue
      if (event.owner?.isPaused === true) {
        event.owner.defer(event.run)
        continue
      }
      this.steps++
      this.note(event.label)
      event.run()
      await settled()
    }
    return true
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(event, heap[parent] as Event)) break
      heap[at] = heap[parent] as Event
      at = parent
    }
    heap[at] = event
  }

  #pop(): Event | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child++
      if (!isBefore(heap[child] as Event, last)) break
      heap[at] = heap[child] as Event
      at = child
    }
    heap[at] = last
    return first
  }
}

const isDead = (owner: Owner | undefined): boolean => owner?.isAlive === false

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** All promises that can go on have gone on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
