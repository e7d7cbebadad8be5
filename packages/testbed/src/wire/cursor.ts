/** Reads values of Kafka's primitive types in sequence. */
export class Cursor {
  readonly #bytes: Buffer
  at: number

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes
    this.at = at
  }

  get left(): number {
    return this.#bytes.length - this.at
  }

  int8(): number {
    this.at += 1
    return this.#bytes.readInt8(this.at - 1)
  }

  int16(): number {
    this.at += 2
    return this.#bytes.readInt16BE(this.at - 2)
  }

  int32(): number {
    this.at += 4
    return this.#bytes.readInt32BE(this.at - 4)
  }

  int64(): number {
    this.at += 8
    return Number(this.#bytes.readBigInt64BE(this.at - 8))
  }

  bytes(length: number): Buffer {
    if (length > this.left) throw new RangeError(`${length} bytes were requested, ${this.left} are left`)
    this.at += length
    return this.#bytes.subarray(this.at - length, this.at)
  }

  string(): string {
    return this.bytes(this.int16()).toString()
  }

  nullableString(): string | null {
    const length = this.int16()
    return length < 0 ? null : this.bytes(length).toString()
  }

  array<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, read)
  }

  /** A zigzag-encoded integer, up to the largest safe integer. */
  varint(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes.readUInt8(this.at++)
      value += (byte & 127) * factor
      if (byte < 128) break
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** Bytes with a varint length; -1 is null. */
  varBytes(): Buffer | null {
    const length = this.varint()
    return length < 0 ? null : this.bytes(length)
  }
}
