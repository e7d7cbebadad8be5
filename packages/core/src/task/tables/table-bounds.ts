import type { TablePlan } from '../../pipeline/plan.js'
import type { StoredBytes } from '../stores/stored-bytes.js'

/** A bound that leaves the least room. */
export interface ReachedBound {
  /** The option that sets it. */
  readonly option: 'maxBytes' | 'maxTableBytes'
  readonly maxBytes: number
  /** The bytes that are stored of what it bounds. */
  readonly bytes: number
}

/** A table in one task. */
export interface BoundedTable {
  readonly topic: string
  /** By how many bytes the store may grow because of uncommitted work. */
  readonly pendingBytes: number
  /** Whether the task waits because the next record does not fit. */
  readonly isHeld: boolean
  /** Called when there may be room. */
  readonly wake: () => void
}

/**
 * How many bytes of rows this instance may hold: of each table, and of all tables together. The tasks of an instance share its
 * memory, so they share the bounds.
 */
export class TableBounds {
  readonly stored: StoredBytes
  readonly #maxTableBytes: number | undefined
  /** By topic. */
  readonly #maxBytes: ReadonlyMap<string, number | undefined>
  readonly #tables = new Set<BoundedTable>()

  constructor(
    tables: readonly Pick<TablePlan, 'topic' | 'maxBytes'>[],
    maxTableBytes: number | undefined,
    stored: StoredBytes,
  ) {
    this.#maxBytes = new Map(tables.map(({ topic, maxBytes }) => [topic, maxBytes]))
    this.#maxTableBytes = maxTableBytes
    this.stored = stored
    stored.whenFreed(() => this.changed())
  }

  /** Whether the size of a table is bounded. */
  bounds(topic: string): boolean {
    return this.#maxTableBytes !== undefined || this.#maxBytes.get(topic) !== undefined
  }

  add(table: BoundedTable): void {
    this.#tables.add(table)
  }

  remove(table: BoundedTable): void {
    this.#tables.delete(table)
    this.changed()
  }

  /** Stores have changed: tasks that wait check whether they can continue. */
  changed(): void {
    for (const { isHeld, wake } of this.#tables) if (isHeld) wake()
  }

  /** @returns the bytes by which a table can grow, if everything that is pending is committed */
  bytesLeftFor(table: BoundedTable): number {
    const left = this.#all(table.topic).map(
      ({ maxBytes, bytes, topics }) => maxBytes - bytes - this.#pending(topics, table),
    )
    return Math.min(...left)
  }

  /** @returns the bound that leaves the least room, without regard to what is pending */
  reachedBy({ topic }: BoundedTable): ReachedBound {
    const [first, ...others] = this.#all(topic)
    return others.reduce((least, each) => (bytesLeft(each) < bytesLeft(least) ? each : least), first as SharedBound)
  }

  #all(topic: string): SharedBound[] {
    const own = this.#maxBytes.get(topic)
    const all = this.#maxTableBytes
    const topics = [...this.#maxBytes.keys()]
    return [
      ...(own === undefined ? [] : [this.#bound('maxBytes', own, [topic])]),
      ...(all === undefined ? [] : [this.#bound('maxTableBytes', all, topics)]),
    ]
  }

  #bound(option: ReachedBound['option'], maxBytes: number, topics: readonly string[]): SharedBound {
    return { option, maxBytes, topics, bytes: topics.reduce((sum, topic) => sum + (this.stored.of(topic) ?? 0), 0) }
  }

  /** What uncommitted work may add. Deletions of other tasks leave room only once they are committed. */
  #pending(topics: readonly string[], own: BoundedTable): number {
    let sum = 0
    for (const table of this.#tables)
      if (topics.includes(table.topic)) sum += table === own ? table.pendingBytes : Math.max(0, table.pendingBytes)
    return sum
  }
}

/** A bound, and the tables that share it. */
interface SharedBound extends ReachedBound {
  readonly topics: readonly string[]
}

const bytesLeft = ({ maxBytes, bytes }: ReachedBound): number => maxBytes - bytes
