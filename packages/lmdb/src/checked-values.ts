import { checksum } from './checksum.js'
import { Damage } from './damage.js'

const CHECKSUM_BYTES = 4
const WORD_BYTES = 4
/** The values of one commit share blocks of memory of this size. */
const BLOCK_BYTES = 65_536

/** Memory that is addressed as bytes and as words. */
interface Block {
  readonly bytes: Buffer
  readonly words: Uint32Array
}

const wholeWords = (bytes: number): number => Math.ceil(bytes / WORD_BYTES) * WORD_BYTES

const blockOver = (buffer: ArrayBuffer): Block => ({
  bytes: Buffer.from(buffer),
  words: new Uint32Array(buffer, 0, Math.floor(buffer.byteLength / WORD_BYTES)),
})

const newBlock = (length: number): Block => blockOver(new ArrayBuffer(wholeWords(length)))

/** Encodes a stored value: a prefix, the value, and a checksum of the stored key and both. */
export type EncodeValue = (storedKey: Uint8Array, value: Uint8Array, prefix?: Uint8Array) => Uint8Array

/** @returns the number of bytes of a value, from that of its stored value */
export function uncheckedLength(stored: number): number {
  if (stored < CHECKSUM_BYTES) throw new Damage('a row is shorter than its checksum')
  return stored - CHECKSUM_BYTES
}

/** Adds checksums to values, and verifies them: LMDB has none, and would return what a disk has changed. */
export class CheckedValues {
  readonly #key: Block
  /** The memory in which lmdb returns values. */
  #values: Block = newBlock(0)

  /** Memory for a stored key, whose checksum is computed without copying it. */
  get keyBytes(): Buffer {
    return this.#key.bytes
  }

  /** @param maxKeyBytes the length of the longest stored key */
  constructor(maxKeyBytes: number) {
    this.#key = newBlock(maxKeyBytes)
  }

  /** @returns a function that encodes the values of one commit */
  encoder(): EncodeValue {
    let block = newBlock(0)
    let used = 0
    return (storedKey, value, prefix) => {
      const valueAt = prefix === undefined ? 0 : prefix.length
      const length = valueAt + value.length
      const needed = length + CHECKSUM_BYTES
      if (used + needed > block.bytes.length) {
        block = newBlock(Math.max(needed, BLOCK_BYTES))
        used = 0
      }
      const from = used
      if (prefix !== undefined) block.bytes.set(prefix, from)
      block.bytes.set(value, from + valueAt)
      block.bytes.writeUInt32LE(this.#checksum(storedKey, block, from, length), from + length)
      used += wholeWords(needed)
      return new Uint8Array(block.words.buffer, from, needed)
    }
  }

  /**
   * @param stored as lmdb returns it, also in memory that it uses again
   * @returns a copy of the value
   * @throws Damage if the checksum is not that of key and value
   */
  verified(storedKey: Uint8Array, stored: Uint8Array): Uint8Array {
    const length = uncheckedLength(stored.length)
    const block = this.#blockOf(stored)
    const from = block === this.#values ? stored.byteOffset : 0
    if (this.#checksum(storedKey, block, from, length) !== block.bytes.readUInt32LE(from + length))
      throw new Damage('a row does not have its checksum')
    return Uint8Array.prototype.slice.call(block.bytes, from, from + length)
  }

  #blockOf({ buffer, byteOffset, length }: Uint8Array): Block {
    if (this.#values.words.buffer !== buffer) this.#values = blockOver(buffer as ArrayBuffer)
    const { words } = this.#values
    if (byteOffset % WORD_BYTES === 0 && byteOffset + length <= words.byteLength) return this.#values
    const copy = newBlock(length)
    copy.bytes.set(this.#values.bytes.subarray(byteOffset, byteOffset + length))
    return copy
  }

  #checksum(storedKey: Uint8Array, { words }: Block, from: number, length: number): number {
    const { bytes } = this.#key
    if (storedKey.length > bytes.length) throw new Damage(`a stored key has ${storedKey.length} bytes`)
    if (storedKey.buffer !== bytes.buffer) bytes.set(storedKey)
    const seed = checksum(this.#key.words, 0, storedKey.length, 0)
    return checksum(words, from / WORD_BYTES, length, seed)
  }
}
