import { Random } from './random.js'

/** The process that an event belongs to. A paused process receives its events later, a dead one never. */
export interface EventOwner {
  readonly name: string
  readonly isAlive: boolean
  readonly isPaused: boolean
  /** Keeps an event until the process resumes. */
  defer(event: () => void): void
  /** Called before each event of the process. The process may be paused or dead afterwards. */
  onStep(): void
}

interface Event {
  readonly at: number
  readonly order: number
  readonly label: string
  readonly run: () => void
  readonly owner: EventOwner | undefined
  isCancelled: boolean
}

/**
 * Simulated time. Events run in order of time, one after another; everything that an event causes immediately is done before
 * the next one runs.
 */
export class EventLoop {
  readonly random: Random
  /** Randomness for values that must be unique. It does not influence anything else. */
  readonly uniqueBytes: Random = new Random(1)
  #now = 0
  /** How long the event that runs now has taken. */
  #tookMs = 0
  #order = 0
  #hash = 0x811c9dc5
  readonly #heap: Event[] = []
  steps = 0
  /** The labels of all events, if they are recorded. */
  readonly trace: string[] | undefined

  constructor(random: Random, keepsTrace = false) {
    this.random = random
    this.trace = keepsTrace ? [] : undefined
  }

  /** Milliseconds since the start. */
  get now(): number {
    return this.#now + this.#tookMs
  }

  /** The event that runs now takes this long: whatever it causes from now on comes after that. */
  spend(ms: number): void {
    this.#tookMs += ms
  }

  /** The same for the same history. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0')
  }

  /**
   * Runs a function after `ms`.
   *
   * @returns cancels it
   */
  schedule(ms: number, label: string, run: () => void, owner?: EventOwner): () => void {
    const event: Event = {
      at: this.now + Math.max(0, ms),
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
  sleep(ms: number, label: string, owner?: EventOwner): Promise<void> {
    return new Promise((resolve) => this.schedule(ms, label, resolve, owner))
  }

  /** Adds a line to the trace. */
  note(text: string): void {
    for (let i = 0; i < text.length; i++) this.#hash = Math.imul(this.#hash ^ text.charCodeAt(i), 0x01000193)
    this.trace?.push(`${this.#now.toFixed(1)} ${text}`)
  }

  /**
   * Runs events until `isDone`.
   *
   * @returns false if no event is left, or if `maxSteps` did not suffice
   */
  async run(isDone: () => boolean, maxSteps: number): Promise<boolean> {
    for (let steps = 0; !isDone(); steps++) {
      const event = this.#pop()
      if (event === undefined || steps >= maxSteps) return false
      if (event.isCancelled || isOwnerDead(event.owner)) continue
      this.#now = Math.max(this.#now, event.at)
      if (event.owner?.isPaused === false) event.owner.onStep()
      if (isOwnerDead(event.owner)) continue
      if (event.owner?.isPaused === true) {
        event.owner.defer(event.run)
        continue
      }
      this.steps++
      this.note(event.label)
      event.run()
      await microtasksSettled()
      this.#tookMs = 0
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

const isOwnerDead = (owner: EventOwner | undefined): boolean => owner?.isAlive === false

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** Resolves when every promise that can make progress has done so. */
const microtasksSettled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
