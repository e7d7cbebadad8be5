import { JoineryError } from '@joinery/core'

/** Reads fields, big-endian, and never beyond the end of their bytes. */
export class ResponseReader {
  readonly bytes: Buffer
  at: number
  readonly #description: string

  /** @param description names the response in errors */
  constructor(bytes: Buffer, at = 0, description = 'response') {
    this.bytes = bytes
    this.at = at
    this.#description = description
  }

  bool(): boolean {
    return this.int8() !== 0
  }

  int8(): number {
    return this.bytes.readInt8(this.#take(1))
  }

  int16(): number {
    return this.bytes.readInt16BE(this.#take(2))
  }

  int32(): number {
    return this.bytes.readInt32BE(this.#take(4))
  }

  int64(): number {
    const at = this.#take(8)
    const value = this.bytes.readInt32BE(at) * 0x1_0000_0000 + this.bytes.readUInt32BE(at + 4)
    if (!Number.isSafeInteger(value))
      throw this.#corrupt(`it contains the integer ${this.bytes.readBigInt64BE(at)}, which is beyond 2^53 - 1`)
    return value
  }

  bigint64(): bigint {
    return this.bytes.readBigInt64BE(this.#take(8))
  }

  string(): string | null {
    return this.#text(this.int16())
  }

  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes[this.#take(1)] as number
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
    throw this.#corrupt('it contains a varint of more than 5 bytes')
  }

  compactString(): string | null {
    return this.#text(this.uvarint() - 1)
  }

  uuid(): string {
    const at = this.#take(16)
    return this.bytes.toString('hex', at, at + 16)
  }

  /**
   * Skips a section of tagged fields.
   *
   * @param read is called at the beginning of each field; the rest of the field is skipped
   */
  tags(read?: (tag: number) => void): void {
    for (let count = this.uvarint(); count > 0; count--) {
      const tag = this.uvarint()
      const end = this.uvarint() + this.at
      read?.(tag)
      this.skip(end - this.at)
    }
  }

  array<T>(read: () => T): T[] | null {
    return this.#items(this.int32(), read)
  }

  compactArray<T>(read: () => T): T[] | null {
    return this.#items(this.uvarint() - 1, read)
  }

  /** Bytes with an int32 length, which are not copied. */
  bytes32(): Buffer | null {
    return this.#slice(this.int32())
  }

  compactBytes(): Buffer | null {
    return this.#slice(this.uvarint() - 1)
  }

  skip(bytes: number): void {
    this.#take(bytes)
  }

  #items<T>(count: number, read: () => T): T[] | null {
    if (count < 0) return null
    if (count > this.bytes.length) throw this.#corrupt(`it claims to contain an array of ${count} items`)
    const items: T[] = []
    for (let i = 0; i < count; i++) items.push(read())
    return items
  }

  #slice(length: number): Buffer | null {
    if (length < 0) return null
    const at = this.#take(length)
    return this.bytes.subarray(at, at + length)
  }

  #text(length: number): string | null {
    if (length < 0) return null
    const at = this.#take(length)
    return this.bytes.toString('utf8', at, at + length)
  }

  #take(count: number): number {
    const at = this.at
    if (count < 0 || at + count > this.bytes.length)
      throw this.#corrupt(`its ${this.bytes.length} bytes end before its last field`)
    this.at = at + count
    return at
  }

  #corrupt(what: string): JoineryError {
    return new JoineryError('RECORDS_CORRUPT', `invalid ${this.#description}: ${what}`)
  }
}
