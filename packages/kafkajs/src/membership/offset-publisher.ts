/** Offsets to tell: by topic, then by partition, the next to read. */
export type Offsets = ReadonlyMap<string, ReadonlyMap<number, number>>

/**
 * Tells the group how far its tasks are, for lag tools: at most once per interval, the latest of what was added. Nobody
 * reads it back, so what fails is simply told with the next.
 */
export class OffsetPublisher {
  readonly #commit: (offsets: Offsets) => Promise<void>
  readonly #everyMs: number
  #pending = new Map<string, Map<number, number>>()
  #kept: ReadonlySet<number> | undefined
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined

  /** @param commit may reject: then it is tried again with what is added later */
  constructor(commit: (offsets: Offsets) => Promise<void>, everyMs: number) {
    this.#commit = commit
    this.#everyMs = everyMs
  }

  /** Takes the offsets of one task's inputs. */
  add(task: number, offsets: ReadonlyMap<string, number>): void {
    for (const [topic, offset] of offsets) this.#put(topic, task, offset)
    this.#later()
  }

  /** Tells what there is now. Never rejects. */
  async flush(): Promise<void> {
    await this.#sending
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#pending.size === 0) return
    const offsets = this.#pending
    this.#pending = new Map()
    this.#sending = this.#commit(offsets).catch(() => this.#putBack(offsets))
    await this.#sending
    this.#sending = undefined
  }

  /** Forgets tasks that are not this member's any more. */
  keep(tasks: ReadonlySet<number>): void {
    this.#kept = tasks
    for (const partitions of this.#pending.values())
      for (const partition of partitions.keys()) if (!tasks.has(partition)) partitions.delete(partition)
  }

  /** Ends; what is pending is not told. */
  close(): void {
    clearTimeout(this.#timer)
    this.#pending.clear()
  }

  #put(topic: string, partition: number, offset: number): void {
    let partitions = this.#pending.get(topic)
    if (partitions === undefined) {
      partitions = new Map()
      this.#pending.set(topic, partitions)
    }
    partitions.set(partition, offset)
  }

  #putBack(offsets: Offsets): void {
    for (const [topic, partitions] of offsets)
      for (const [partition, offset] of partitions)
        if (this.#kept?.has(partition) !== false && !this.#pending.get(topic)?.has(partition))
          this.#put(topic, partition, offset)
  }

  #later(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.flush()
    }, this.#everyMs)
    this.#timer.unref()
  }
}
