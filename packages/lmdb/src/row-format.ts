import { createHash } from 'node:crypto'

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

/** From this size of key and value on, LMDB may store the value on separate pages, which it does not verify. */
const LARGE_BYTES = 2_000
/** Marks the end of a large value: it is missing if the end of the file is missing. */
const END_MARK = Buffer.from([1])

/** The stored bytes are not a valid row. */
export class DamagedRow extends Error {}

/** The stored key of the position. */
export const POSITION_KEY: Uint8Array = Buffer.from([POSITION])
/** The stored key of the bytes of all rows. It comes after the rows. */
export const SIZE_KEY: Uint8Array = Buffer.from([SIZE])
/** The stored key after those of all rows. */
export const AFTER_ROWS: Uint8Array = SIZE_KEY
/** The lowest stored key of a row: that of the empty key. */
export const FIRST_ROW: Uint8Array = Buffer.from([PLAIN])

const isLong = (key: Uint8Array): boolean => key.length > MAX_PLAIN_BYTES

/** Encodes the keys of rows. */
export class RowKeys {
  readonly #plain: Buffer = Buffer.alloc(1 + MAX_PLAIN_BYTES, PLAIN)

  /** @returns the stored key, valid until the next call, because LMDB copies it */
  stored(key: Uint8Array): Uint8Array {
    if (isLong(key)) return Buffer.concat([Buffer.from([HASHED]), createHash('sha256').update(key).digest()])
    this.#plain.set(key, 1)
    return this.#plain.subarray(0, 1 + key.length)
  }
}

/** @returns a value with an end mark if it is large */
export function withEndMark(storedKey: Uint8Array, value: Uint8Array): Uint8Array {
  return storedKey.length + value.length < LARGE_BYTES ? value : Buffer.concat([value, END_MARK])
}

/** @returns the value without its end mark */
export function withoutEndMark(storedKey: Uint8Array, stored: Uint8Array): Uint8Array {
  if (storedKey.length + stored.length <= LARGE_BYTES) return stored
  if (stored.at(-1) !== END_MARK[0]) throw new DamagedRow('the end of a value is missing')
  return stored.subarray(0, -1)
}

/** @returns the stored value of a row */
export function storedValue(storedKey: Uint8Array, key: Uint8Array, value: Uint8Array): Uint8Array {
  if (!isLong(key)) return withEndMark(storedKey, value)
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(key.length)
  return withEndMark(storedKey, Buffer.concat([length, key, value]))
}

/** @returns the value of a row, from its stored value */
export function rowValue(storedKey: Uint8Array, key: Uint8Array, stored: Uint8Array): Uint8Array {
  if (!isLong(key)) return withoutEndMark(storedKey, stored)
  const [found, value] = split(withoutEndMark(storedKey, stored))
  if (Buffer.compare(found, key) !== 0)
    throw new DamagedRow('the row of a long key is stored under the hash of another key')
  return value
}

/** @returns the number of bytes in the value of a row, from that in its stored value */
export function valueLength(storedKey: Uint8Array, key: Uint8Array, storedLength: number): number {
  const withoutMark = storedKey.length + storedLength <= LARGE_BYTES ? storedLength : storedLength - END_MARK.length
  return isLong(key) ? withoutMark - LENGTH_BYTES - key.length : withoutMark
}

/** @returns a row, from its stored key and value */
export function entryOf(storedKey: Uint8Array, stored: Uint8Array): readonly [key: Uint8Array, value: Uint8Array] {
  const value = withoutEndMark(storedKey, stored)
  if (storedKey[0] === PLAIN) return [storedKey.subarray(1), value]
  if (storedKey[0] === HASHED) return split(value)
  throw new DamagedRow(`a stored key has the unknown kind ${storedKey[0]}`)
}

function split(stored: Uint8Array): readonly [key: Uint8Array, value: Uint8Array] {
  const { buffer, byteOffset, length } = stored
  const valueAt =
    length < LENGTH_BYTES ? length + 1 : LENGTH_BYTES + new DataView(buffer, byteOffset, length).getUint32(0)
  if (valueAt > length) throw new DamagedRow('the row of a long key is truncated')
  return [stored.subarray(LENGTH_BYTES, valueAt), stored.subarray(valueAt)]
}
