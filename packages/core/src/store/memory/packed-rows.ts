import type { MemoryRows } from './evicting-rows.js'
import { MAX_SLOT_BYTES, SlabAllocator } from './slab-allocator.js'

/** Rows that are packed into a few large buffers, except very large ones. Reading returns a copy. */
export class PackedRows implements MemoryRows {
  /** The address of each row in the slabs; a row that is too large for a slot is here itself. */
  readonly #rows = new Map<string, number | Uint8Array>()
  readonly #slabs = new SlabAllocator()
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#rows.size
  }

  get(key: string): Uint8Array | undefined {
    return this.#read(this.#rows.get(key))
  }

  set(key: string, value: Uint8Array): void {
    const before = this.#rows.get(key)
    this.#bytes += value.length - (before === undefined ? -key.length : this.#lengthOf(before))
    if (typeof before === 'number') {
      if (this.#slabs.replace(before, value)) return
      this.#slabs.free(before)
    }
    this.#rows.set(key, value.length > MAX_SLOT_BYTES ? new Uint8Array(value) : this.#slabs.add(value))
  }

  delete(key: string): void {
    const before = this.#rows.get(key)
    if (before === undefined) return
    this.#bytes -= key.length + this.#lengthOf(before)
    if (typeof before === 'number') this.#slabs.free(before)
    this.#rows.delete(key)
  }

  clear(): void {
    this.#rows.clear()
    this.#slabs.clear()
    this.#bytes = 0
  }

  *entries(): Generator<readonly [string, Uint8Array], void, void> {
    for (const [key, row] of this.#rows) yield [key, this.#read(row) as Uint8Array]
  }

  #lengthOf(row: number | Uint8Array): number {
    return typeof row === 'number' ? this.#slabs.lengthOf(row) : row.length
  }

  #read(row: number | Uint8Array | undefined): Uint8Array | undefined {
    return typeof row === 'number' ? this.#slabs.read(row) : row
  }
}
