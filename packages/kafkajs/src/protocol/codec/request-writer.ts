/** Writes fields, big-endian. Flexible versions of an API use the compact forms (KIP-482). */
export class RequestWriter {
  #bytes: Buffer
  #at = 0
  readonly #parts: Uint8Array[] = []

  constructor(size = 256) {
    this.#bytes = Buffer.allocUnsafe(size)
  }

  bool(value: boolean): this {
    return this.int8(value ? 1 : 0)
  }

  int8(value: number): this {
    this.#need(1)
    this.#at = this.#bytes.writeInt8(value, this.#at)
    return this
  }

  int16(value: number): this {
    this.#need(2)
    this.#at = this.#bytes.writeInt16BE(value, this.#at)
    return this
  }

  int32(value: number): this {
    this.#need(4)
    this.#at = this.#bytes.writeInt32BE(value, this.#at)
    return this
  }

  bigint64(value: bigint): this {
    this.#need(8)
    this.#at = this.#bytes.writeBigInt64BE(value, this.#at)
    return this
  }

  int64(value: number): this {
    this.#need(8)
    this.#bytes.writeInt32BE(Math.floor(value / 0x1_0000_0000), this.#at)
    this.#at = this.#bytes.writeUInt32BE(value >>> 0, this.#at + 4)
    return this
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1)
    const length = Buffer.byteLength(value)
    this.int16(length)
    this.#need(length)
    this.#at += this.#bytes.write(value, this.#at)
    return this
  }

  /** @param hex 32 hexadecimal digits */
  uuid(hex: string): this {
    this.#need(16)
    this.#at += this.#bytes.write(hex, this.#at, 'hex')
    return this
  }

  uvarint(value: number): this {
    this.#need(5)
    let rest = value
    while (rest > 127) {
      this.#bytes[this.#at++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.#bytes[this.#at++] = rest
    return this
  }

  compactString(value: string | null): this {
    if (value === null) return this.uvarint(0)
    const length = Buffer.byteLength(value)
    this.uvarint(length + 1)
    this.#need(length)
    this.#at += this.#bytes.write(value, this.#at)
    return this
  }

  /** Bytes with an int32 length, which become a part; -1 for none. */
  bytes32(bytes: Uint8Array | null): this {
    return bytes === null ? this.int32(-1) : this.int32(bytes.length).#part(bytes)
  }

  compactBytes(bytes: Uint8Array | null): this {
    return bytes === null ? this.uvarint(0) : this.uvarint(bytes.length + 1).#part(bytes)
  }

  /** The bytes of a tagged field, with their length. */
  taggedField(tag: number, bytes: Uint8Array): this {
    return this.uvarint(tag).uvarint(bytes.length).#part(bytes)
  }

  /** Each item of an array with an int32 count; -1 for none. */
  array<T>(items: readonly T[] | null, write: (item: T) => void): this {
    this.int32(items?.length ?? -1)
    for (const item of items ?? []) write(item)
    return this
  }

  /** Each item of an array in compact form; 0 for none. */
  compactArray<T>(items: readonly T[] | null, write: (item: T) => void): this {
    this.uvarint(items === null ? 0 : items.length + 1)
    for (const item of items ?? []) write(item)
    return this
  }

  /** @returns everything that was written, to be sent in this order */
  parts(): readonly Uint8Array[] {
    this.#endPart()
    return this.#parts
  }

  /** Bytes as they are: they become a part and are not copied. */
  #part(bytes: Uint8Array): this {
    this.#endPart()
    this.#parts.push(bytes)
    return this
  }

  #endPart(): void {
    if (this.#at === 0) return
    this.#parts.push(this.#bytes.subarray(0, this.#at))
    this.#bytes = this.#bytes.subarray(this.#at)
    this.#at = 0
  }

  #need(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}
