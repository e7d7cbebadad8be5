import { createHash } from 'node:crypto'

// The first byte of a key of LMDB says what it is. docs/stores/lmdb.md#format has all of it.
const POSITION = 0
/** The row's key follows. */
const PLAIN = 1
/** The SHA-256 of the row's key follows; its value begins with the key's length and the key. */
const HASHED = 2

/** LMDB takes keys of up to 1978 bytes; Kafka has no limit. */
const LONGEST_PLAIN = 1977
const LENGTH_BYTES = 4

/** From here on, key and value together, LMDB may put a value on pages of its own, of which it checks nothing. */
const LARGE = 2_000
/** Behind a large value: if the end of the file is missing, so is this. */
const END = Buffer.from([1])

/** What is stored is no row. */
export class DamagedRow extends Error {}

/** Where a store's position is. */
export const POSITION_KEY: Uint8Array = Buffer.from([POSITION])
/** Where rows begin: what the empty key is stored under. */
export const FIRST_ROW: Uint8Array = Buffer.from([PLAIN])

const isLong = (key: Uint8Array): boolean => key.length > LONGEST_PLAIN

/** Writes keys as LMDB has them. */
export class RowKeys {
  readonly #plain: Buffer = Buffer.alloc(1 + LONGEST_PLAIN, PLAIN)

  /** Good until the next call: LMDB copies it. */
  stored(key: Uint8Array): Uint8Array {
    if (isLong(key)) return Buffer.concat([Buffer.from([HASHED]), createHash('sha256').update(key).digest()])
    this.#plain.set(key, 1)
    return this.#plain.subarray(0, 1 + key.length)
  }
}

/** A value as LMDB has it under a key of its own. */
export function withEnd(storedKey: Uint8Array, value: Uint8Array): Uint8Array {
  return storedKey.length + value.length < LARGE ? value : Buffer.concat([value, END])
}

/** The value again. */
export function withoutEnd(storedKey: Uint8Array, stored: Uint8Array): Uint8Array {
  if (storedKey.length + stored.length <= LARGE) return stored
  if (stored.at(-1) !== END[0]) throw new DamagedRow('the end of a value is missing')
  return stored.subarray(0, -1)
}

/** A row's value as LMDB has it. */
export function storedValue(storedKey: Uint8Array, key: Uint8Array, value: Uint8Array): Uint8Array {
  if (!isLong(key)) return withEnd(storedKey, value)
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(key.length)
  return withEnd(storedKey, Buffer.concat([length, key, value]))
}

/** A row's value, from what is stored under its key. */
export function rowValue(storedKey: Uint8Array, key: Uint8Array, stored: Uint8Array): Uint8Array {
  if (!isLong(key)) return withoutEnd(storedKey, stored)
  const [found, value] = split(withoutEnd(storedKey, stored))
  if (Buffer.compare(found, key) !== 0) throw new DamagedRow('the row of one long key is under the hash of another')
  return value
}

/** A row, from what is stored. */
export function entryOf(storedKey: Uint8Array, stored: Uint8Array): readonly [key: Uint8Array, value: Uint8Array] {
  const value = withoutEnd(storedKey, stored)
  if (storedKey[0] === PLAIN) return [storedKey.subarray(1), value]
  if (storedKey[0] === HASHED) return split(value)
  throw new DamagedRow(`a key begins with ${storedKey[0]}`)
}

function split(stored: Uint8Array): readonly [key: Uint8Array, value: Uint8Array] {
  const { buffer, byteOffset, length } = stored
  const valueAt =
    length < LENGTH_BYTES ? length + 1 : LENGTH_BYTES + new DataView(buffer, byteOffset, length).getUint32(0)
  if (valueAt > length) throw new DamagedRow('the row of a long key is cut off')
  return [stored.subarray(LENGTH_BYTES, valueAt), stored.subarray(valueAt)]
}
