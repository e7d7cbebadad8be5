import { createHash } from 'node:crypto'
import { CheckedValues, type EncodeValue, uncheckedLength } from './checked-values.js'
import { Damage } from './damage.js'

// The first byte of a stored key is its kind. docs/stores/lmdb.md#format describes the whole format.
const POSITION = 0
/** The row's key follows. */
const PLAIN = 1
/** The SHA-256 of the row's key follows; its value begins with the key's length and the key. */
const HASHED = 2
const SIZE = 3

/** LMDB supports keys of up to 1978 bytes; Kafka has no limit. */
const MAX_PLAIN_BYTES = 1977
const LENGTH_BYTES = 4

/** The stored key of the position. */
export const POSITION_KEY: Uint8Array = Buffer.from([POSITION])
/** The stored key of the bytes of all rows. It comes after the rows. */
export const SIZE_KEY: Uint8Array = Buffer.from([SIZE])
/** The stored key after those of all rows. */
export const AFTER_ROWS: Uint8Array = SIZE_KEY
/** The lowest stored key of a row: that of the empty key. */
export const FIRST_ROW: Uint8Array = Buffer.from([PLAIN])

const isLong = (key: Uint8Array): boolean => key.length > MAX_PLAIN_BYTES

/** Encodes and decodes the rows of one store. */
export class RowFormat {
  /** Verifies the position and the bytes of all rows, too. */
  readonly values: CheckedValues = new CheckedValues(1 + MAX_PLAIN_BYTES)
  readonly #plain: Buffer = this.values.keyBytes

  /** @returns the stored key, valid until the next call, because LMDB copies it */
  storedKey(key: Uint8Array): Uint8Array {
    if (isLong(key)) return Buffer.concat([Buffer.from([HASHED]), createHash('sha256').update(key).digest()])
    this.#plain[0] = PLAIN
    this.#plain.set(key, 1)
    return this.#plain.subarray(0, 1 + key.length)
  }

  /** @returns the stored value of a row */
  storedValue(encode: EncodeValue, storedKey: Uint8Array, key: Uint8Array, value: Uint8Array): Uint8Array {
    if (!isLong(key)) return encode(storedKey, value)
    const length = Buffer.alloc(LENGTH_BYTES)
    length.writeUInt32BE(key.length)
    return encode(storedKey, value, Buffer.concat([length, key]))
  }

  /** @returns the value of a row, from its stored value, as a copy */
  value(storedKey: Uint8Array, key: Uint8Array, stored: Uint8Array): Uint8Array {
    const verified = this.values.verified(storedKey, stored)
    if (!isLong(key)) return verified
    const [found, value] = split(verified)
    if (Buffer.compare(found, key) !== 0)
      throw new Damage('the row of a long key is stored under the hash of another key')
    return value
  }

  /** @returns a row, from its stored key and value, as copies */
  entry(storedKey: Uint8Array, stored: Uint8Array): readonly [key: Uint8Array, value: Uint8Array] {
    const value = this.values.verified(storedKey, stored)
    if (storedKey[0] === PLAIN) return [storedKey.subarray(1), value]
    if (storedKey[0] === HASHED) return split(value)
    throw new Damage(`a stored key has the unknown kind ${storedKey[0]}`)
  }
}

/** @returns the number of bytes in the value of a row, from that in its stored value */
export function valueLength(key: Uint8Array, storedLength: number): number {
  const length = uncheckedLength(storedLength)
  return isLong(key) ? length - LENGTH_BYTES - key.length : length
}

function split(stored: Uint8Array): readonly [key: Uint8Array, value: Uint8Array] {
  const { buffer, byteOffset, length } = stored
  const valueAt =
    length < LENGTH_BYTES ? length + 1 : LENGTH_BYTES + new DataView(buffer, byteOffset, length).getUint32(0)
  if (valueAt > length) throw new Damage('the row of a long key is truncated')
  return [stored.subarray(LENGTH_BYTES, valueAt), stored.subarray(valueAt)]
}
