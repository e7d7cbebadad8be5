/** The largest slab. The slabs of a size class grow with the number of slots that it has. */
const MAX_SLAB_BYTES = 65_536
const MIN_SLOTS = 8
/** Addresses count in units of this many bytes. */
const UNIT_BYTES = 8
const UNITS_PER_SLAB = MAX_SLAB_BYTES / UNIT_BYTES
/** The header of a slot: the length of its value or, in a free slot, the next free one. */
const HEADER_BYTES = 4
const NONE = -1
/** The largest value that fits in a slot; a larger one needs its own buffer. */
export const MAX_SLOT_BYTES: number = MAX_SLAB_BYTES / 8 - HEADER_BYTES

/** Slots of one size. */
interface SizeClass {
  readonly slotBytes: number
  /** The number of slots in all slabs of the class. */
  slots: number
  /** Slabs with free slots. */
  readonly partial: Slab[]
}

interface Slab {
  readonly sizeClass: SizeClass
  readonly index: number
  readonly bytes: Uint8Array
  readonly words: Int32Array
  readonly slots: number
  /** The first slot that was never used; all after it were never used either. */
  nextUnused: number
  /** The first slot of the list of free slots that were used before. */
  firstFree: number
  used: number
}

/**
 * Stores many short byte strings in a few large buffers. One buffer for each would cost more than its contents, because the
 * garbage collector tracks every buffer. A freed slot is reused for a value of about the same size, and an empty slab for
 * values of any size.
 */
export class SlabAllocator {
  readonly #classes = new Map<number, SizeClass>()
  readonly #slabs: (Slab | undefined)[] = []
  readonly #freeSlabs: number[] = []
  #bytes = 0

  /** The bytes of all slabs. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Copies a value of at most {@link MAX_SLOT_BYTES} bytes.
   *
   * @returns its address
   */
  add(value: Uint8Array): number {
    const size = slotBytes(value.length)
    const { partial } = this.#classOf(size)
    const slab = partial.at(-1) ?? this.#newSlab(size)
    const slot = takeSlot(slab)
    if (slab.used === slab.slots) partial.pop()
    write(slab, slot * size, value)
    return slab.index * UNITS_PER_SLAB + (slot * size) / UNIT_BYTES
  }

  /** @returns a copy of the value at an address */
  read(address: number): Uint8Array {
    const { bytes, words } = this.#slabOf(address)
    const at = offsetOf(address)
    const length = words[at / HEADER_BYTES] as number
    return bytes.slice(at + HEADER_BYTES, at + HEADER_BYTES + length)
  }

  /** @returns the length of the value at an address */
  lengthOf(address: number): number {
    return this.#slabOf(address).words[offsetOf(address) / HEADER_BYTES] as number
  }

  /**
   * Replaces the value at an address if the new one has the same size class.
   *
   * @returns whether it did
   */
  replace(address: number, value: Uint8Array): boolean {
    const slab = this.#slabOf(address)
    if (slotBytes(value.length) !== slab.sizeClass.slotBytes) return false
    write(slab, offsetOf(address), value)
    return true
  }

  free(address: number): void {
    const slab = this.#slabOf(address)
    const { sizeClass, words } = slab
    const at = offsetOf(address)
    if (slab.used === slab.slots) sizeClass.partial.push(slab)
    words[at / HEADER_BYTES] = slab.firstFree
    slab.firstFree = at / sizeClass.slotBytes
    slab.used--
    if (slab.used === 0 && sizeClass.partial.length > 1) this.#drop(slab)
  }

  clear(): void {
    this.#classes.clear()
    this.#slabs.length = 0
    this.#freeSlabs.length = 0
    this.#bytes = 0
  }

  #classOf(size: number): SizeClass {
    let found = this.#classes.get(size)
    if (found === undefined) {
      found = { slotBytes: size, slots: 0, partial: [] }
      this.#classes.set(size, found)
    }
    return found
  }

  #slabOf(address: number): Slab {
    return this.#slabs[Math.floor(address / UNITS_PER_SLAB)] as Slab
  }

  #newSlab(size: number): Slab {
    const sizeClass = this.#classOf(size)
    const slots = Math.min(Math.max(sizeClass.slots, MIN_SLOTS), Math.floor(MAX_SLAB_BYTES / size))
    const { buffer } = Buffer.allocUnsafeSlow(slots * size)
    const index = this.#freeSlabs.pop() ?? this.#slabs.length
    const [bytes, words] = [new Uint8Array(buffer), new Int32Array(buffer)]
    const slab: Slab = { sizeClass, index, bytes, words, slots, nextUnused: 0, firstFree: NONE, used: 0 }
    this.#slabs[index] = slab
    sizeClass.slots += slots
    sizeClass.partial.push(slab)
    this.#bytes += bytes.length
    return slab
  }

  #drop(slab: Slab): void {
    const { sizeClass, index, slots, bytes } = slab
    sizeClass.partial.splice(sizeClass.partial.indexOf(slab), 1)
    sizeClass.slots -= slots
    this.#slabs[index] = undefined
    this.#freeSlabs.push(index)
    this.#bytes -= bytes.length
  }
}

/** Eight size classes between consecutive powers of two: at most an eighth of a slot is unused. */
function slotBytes(length: number): number {
  const needed = HEADER_BYTES + length
  const step = Math.max(UNIT_BYTES, 1 << Math.max(0, 28 - Math.clz32(needed - 1)))
  return (needed + step - 1) & -step // a step is a power of two
}

const offsetOf = (address: number): number => (address % UNITS_PER_SLAB) * UNIT_BYTES

function takeSlot(slab: Slab): number {
  slab.used++
  if (slab.firstFree === NONE) return slab.nextUnused++
  const slot = slab.firstFree
  slab.firstFree = slab.words[(slot * slab.sizeClass.slotBytes) / HEADER_BYTES] as number
  return slot
}

function write({ bytes, words }: Slab, at: number, value: Uint8Array): void {
  words[at / HEADER_BYTES] = value.length
  bytes.set(value, at + HEADER_BYTES)
}
