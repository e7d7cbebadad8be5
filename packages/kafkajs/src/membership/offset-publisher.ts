import type { Clock, Timer } from '@joinery/core'

/** The next offset to read, by topic and partition. */
export type Offsets = ReadonlyMap<string, ReadonlyMap<number, number>>

/**
 * Commits the latest offsets of tasks to the group, for lag tools, at most once per interval.
 * Nothing reads these offsets back, so those of a failed commit are published with the next one.
 */
export class OffsetPublisher {
  readonly #commit: (offsets: Offsets) => Promise<void>
  readonly #intervalMs: number
  #pending = new Map<string, Map<number, number>>()
  #kept: ReadonlySet<number> | undefined
  readonly #clock: Clock
  #timer: Timer | undefined
  #sending: Promise<void> | undefined

  /** @param commit may reject: its offsets are published again with those that are added later */
  constructor(commit: (offsets: Offsets) => Promise<void>, intervalMs: number, clock: Clock) {
    this.#clock = clock
    this.#commit = commit
    this.#intervalMs = intervalMs
  }

  /** Adds the offsets of one task's inputs. */
  add(task: number, offsets: ReadonlyMap<string, number>): void {
    for (const [topic, offset] of offsets) this.#put(topic, task, offset)
    this.#later()
  }

  /** Publishes the offsets that were added so far. Never rejects. */
  async flush(): Promise<void> {
    await this.#sending
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#pending.size === 0) return
    const offsets = this.#pending
    const next = new Map<string, Map<number, number>>()
    this.#pending = next
    this.#sending = this.#commit(offsets).catch(() => {
      if (this.#pending === next) this.#putBack(offsets)
    })
    await this.#sending
    this.#sending = undefined
  }

  /** Discards the offsets of all other tasks, which this member no longer owns. */
  keep(tasks: ReadonlySet<number>): void {
    this.#kept = tasks
    for (const partitions of this.#pending.values())
      for (const partition of partitions.keys()) if (!tasks.has(partition)) partitions.delete(partition)
  }

  /** Discards all offsets, including those that are being published: others may have published later ones. */
  discard(): void {
    this.#pending = new Map()
  }

  /** Ends without publishing what is pending. */
  close(): void {
    this.#timer?.cancel()
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
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = undefined
      this.flush()
    }, this.#intervalMs)
  }
}
