const INTERVAL_MS = 50

/** Counts by partition. */
export type Counts = ReadonlyMap<number, number>

/** The longest time in which a count did not grow although it should have. */
class Silence {
  #before = 0
  #latest: number
  longestMs = 0

  constructor(now: number) {
    this.#latest = now
  }

  observe(now: number, count: number, events: number): void {
    if (count < events) this.longestMs = Math.max(this.longestMs, now - this.#latest)
    if (count > this.#before || count >= events) this.#latest = now
    this.#before = count
  }
}

/** Measures the longest time in which no output came although events were there: in any partition, and in each of them. */
export class OutputSilence {
  readonly #emitted = new Map<number, number>()
  readonly #partitions = new Map<number, Silence>()
  readonly #all: Silence

  constructor(now: number) {
    this.#all = new Silence(now)
  }

  /** For how long no output came in any partition, in milliseconds. */
  get longestMs(): number {
    return this.#all.longestMs
  }

  /** For how long no output came in one partition, in milliseconds. */
  get longestOfPartitionMs(): number {
    return Math.max(0, ...Array.from(this.#partitions.values(), ({ longestMs }) => longestMs))
  }

  /**
   * @param emitted the outputs so far; a partition that is missing has no new ones
   * @param events those that were acknowledged: each has an output soon
   */
  observe(now: number, emitted: Counts, events: Counts): void {
    let all = 0
    let allEvents = 0
    for (const [partition, acknowledged] of events) {
      const count = emitted.get(partition) ?? this.#emitted.get(partition) ?? 0
      const silence = this.#partitions.get(partition) ?? new Silence(now)
      this.#partitions.set(partition, silence)
      this.#emitted.set(partition, count)
      silence.observe(now, count, acknowledged)
      all += count
      allEvents += acknowledged
    }
    this.#all.observe(now, all, allEvents)
  }

  /** Observes from now on, until the function that it returns is called. */
  watch(emitted: () => Counts, events: () => Counts): () => void {
    const timer = setInterval(() => this.observe(performance.now(), emitted(), events()), INTERVAL_MS)
    return () => clearInterval(timer)
  }
}
