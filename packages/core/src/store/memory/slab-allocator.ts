/** A slab is as large as its class has grown, and at most this. */
const MAX_SLAB_BYTES = 65_536
const MIN_SLOTS = 8
/** Places count in units of so many bytes. */
const UNIT = 8
const UNITS_PER_SLAB = MAX_SLAB_BYTES / UNIT
/** In front of what a slot holds: its length or, in a free slot, the next free one. */
const HEADER = 4
const NONE = -1
/** More than this is for a buffer of its own. */
export const MAX_SLOT_BYTES: number = MAX_SLAB_BYTES / 8 - HEADER

/** Slots of one size. */
interface SizeClass {
  readonly slotBytes: number
  /** In all of its slabs. */
  slots: number
  /** Slabs with free slots. */
  readonly partial: Slab[]
}

interface Slab {
  readonly of: SizeClass
  readonly index: number
  readonly bytes: Uint8Array
  readonly words: Int32Array
  readonly slots: number
  /** Slots from here on were never used. */
  nextUnused: number
  /** The first free slot among those that were. */
  free: number
  used: number
}

/**
 * Many short byte strings in few large buffers. One buffer for each costs more than what is in it: the garbage collector
 * has to know every one. What is freed is used again for what has about the same size, and a slab that is empty for any.
 */
export class SlabAllocator {
  readonly #classes = new Map<number, SizeClass>()
  readonly #slabs: (Slab | undefined)[] = []
  readonly #freeSlabs: number[] = []
  #bytes = 0

  /** Of all slabs. */
  get bytes(): number {
    return this.#bytes
  }

  /** Copies at most {@link MAX_SLOT_BYTES} bytes. Answers their place. */
  add(value: Uint8Array): number {
    const size = slotBytes(value.length)
    const { partial } = this.#classOf(size)
    const slab = partial.at(-1) ?? this.#newSlab(size)
    const slot = takeSlot(slab)
    if (slab.used === slab.slots) partial.pop()
    write(slab, slot * size, value)
    return slab.index * UNITS_PER_SLAB + (slot * size) / UNIT
  }

  /** A copy of what is at a place. */
  read(place: number): Uint8Array {
    const { bytes, words } = this.#slabOf(place)
    const at = offsetOf(place)
    const length = words[at / HEADER] as number
    return bytes.slice(at + HEADER, at + HEADER + length)
  }

  /** Puts something else at a place, if it fits well; answers whether it did. */
  replace(place: number, value: Uint8Array): boolean {
    const slab = this.#slabOf(place)
    if (slotBytes(value.length) !== slab.of.slotBytes) return false
    write(slab, offsetOf(place), value)
    return true
  }

  free(place: number): void {
    const slab = this.#slabOf(place)
    const { of, words } = slab
    const at = offsetOf(place)
    if (slab.used === slab.slots) of.partial.push(slab)
    words[at / HEADER] = slab.free
    slab.free = at / of.slotBytes
    slab.used--
    if (slab.used === 0 && of.partial.length > 1) this.#drop(slab)
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

  #slabOf(place: number): Slab {
    return this.#slabs[Math.floor(place / UNITS_PER_SLAB)] as Slab
  }

  #newSlab(size: number): Slab {
    const of = this.#classOf(size)
    const slots = Math.min(Math.max(of.slots, MIN_SLOTS), Math.floor(MAX_SLAB_BYTES / size))
    const { buffer } = Buffer.allocUnsafeSlow(slots * size)
    const index = this.#freeSlabs.pop() ?? this.#slabs.length
    const [bytes, words] = [new Uint8Array(buffer), new Int32Array(buffer)]
    const slab: Slab = { of, index, bytes, words, slots, nextUnused: 0, free: NONE, used: 0 }
    this.#slabs[index] = slab
    of.slots += slots
    of.partial.push(slab)
    this.#bytes += bytes.length
    return slab
  }

  #drop(slab: Slab): void {
    const { of, index, slots, bytes } = slab
    of.partial.splice(of.partial.indexOf(slab), 1)
    of.slots -= slots
    this.#slabs[index] = undefined
    this.#freeSlabs.push(index)
    this.#bytes -= bytes.length
  }
}

/** Eight sizes between one power of two and the next: at most an eighth is left over. */
function slotBytes(length: number): number {
  const needed = HEADER + length
  const step = Math.max(UNIT, 1 << Math.max(0, 28 - Math.clz32(needed - 1)))
  return (needed + step - 1) & -step // steps are powers of two
}

const offsetOf = (place: number): number => (place % UNITS_PER_SLAB) * UNIT

function takeSlot(slab: Slab): number {
  slab.used++
  if (slab.free === NONE) return slab.nextUnused++
  const slot = slab.free
  slab.free = slab.words[(slot * slab.of.slotBytes) / HEADER] as number
  return slot
}

function write({ bytes, words }: Slab, at: number, value: Uint8Array): void {
  words[at / HEADER] = value.length
  bytes.set(value, at + HEADER)
}
