import { JoineryError } from '@joinery/core'

/** Reads response bodies, big-endian, and never beyond their end. 64-bit integers come out as numbers. */
export class ResponseReader {
  readonly bytes: Buffer
  at: number

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes
    this.at = at
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
    if (!Number.isSafeInteger(value)) throw corrupt(`an integer of ${this.bytes.readBigInt64BE(at)} is too large`)
    return value
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
    throw corrupt('a varint has more than 5 bytes')
  }

  compactString(): string | null {
    return this.#text(this.uvarint() - 1)
  }

  uuid(): string {
    const at = this.#take(16)
    return this.bytes.toString('hex', at, at + 16)
  }

  /** Passes tagged fields. */
  tags(): void {
    for (let count = this.uvarint(); count > 0; count--) {
      this.uvarint()
      this.#take(this.uvarint())
    }
  }

  array<T>(read: () => T): T[] {
    return this.#items(this.int32(), read)
  }

  compactArray<T>(read: () => T): T[] {
    return this.#items(this.uvarint() - 1, read)
  }

  /** Passes bytes with an int32 length, and says where they lie. */
  range(): { readonly from: number; readonly to: number } {
    const length = Math.max(0, this.int32())
    const from = this.#take(length)
    return { from, to: from + length }
  }

  skip(bytes: number): void {
    this.#take(bytes)
  }

  #items<T>(count: number, read: () => T): T[] {
    if (count > this.bytes.length) throw corrupt(`an array says it has ${count} items`)
    const items: T[] = []
    for (let i = 0; i < count; i++) items.push(read())
    return items
  }

  #text(length: number): string | null {
    if (length < 0) return null
    const at = this.#take(length)
    return this.bytes.toString('utf8', at, at + length)
  }

  #take(count: number): number {
    const at = this.at
    if (count < 0 || at + count > this.bytes.length)
      throw corrupt(`a response of ${this.bytes.length} bytes ends before it should`)
    this.at = at + count
    return at
  }
}

const corrupt = (what: string): JoineryError =>
  new JoineryError('RECORDS_CORRUPT', `${what}: what answers does not speak Kafka's protocol as asked`)
