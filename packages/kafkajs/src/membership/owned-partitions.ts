/** A member in one generation of its group. */
export interface Generation {
  readonly memberId: string
  readonly generationId: number
}

/** A task's partitions while a member owns them; the same object for as long as it does. */
export interface OwnedPartition {
  /** The member's latest generation, in which offsets are committed. `undefined` once it does not own the partitions. */
  generation: Generation | undefined
}

/** The partitions that one member owns (KIP-429), by task. */
export class OwnedPartitions {
  #owned: ReadonlyMap<number, OwnedPartition> = new Map()

  get(task: number): OwnedPartition | undefined {
    return this.#owned.get(task)
  }

  /** Replaces the assignment. Partitions that the member owned before continue in the new generation. */
  assign(tasks: readonly number[], generation: Generation | undefined): void {
    const before = this.#owned
    this.#owned = new Map(tasks.map((task) => [task, before.get(task) ?? { generation }]))
    for (const [task, partition] of before) if (!this.#owned.has(task)) partition.generation = undefined
    for (const partition of this.#owned.values()) partition.generation = generation
  }

  /** The member owns nothing until the next assignment. */
  clear(): void {
    this.assign([], undefined)
  }
}
