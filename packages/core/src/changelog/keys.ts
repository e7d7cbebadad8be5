import { JoineryError } from '../errors.js'

/**
 * Keys of an application's changelog: u8 format 1, u8 kind, then the fields of that kind. Strings are a u16 length and
 * UTF-8, integers are big-endian. Stored data depends on every byte here.
 */
const KEY_FORMAT = 1

/** The kinds of changelog records. */
const KIND = { owner: 0, position: 1, waiter: 2, row: 3, call: 4 } as const

/** The first byte of every changelog value but OWNER's. */
export const VALUE_VERSION = 1

/** The first byte of an OWNER's value. */
export const OWNER_VERSION = 2

/** The key of OWNER records. */
export const OWNER_KEY: Uint8Array = Buffer.from([KEY_FORMAT, KIND.owner])

/** The key of POSITION records. */
export const POSITION_KEY: Uint8Array = Buffer.from([KEY_FORMAT, KIND.position])

/** @returns the value of a ROW record: a version, and the table record's value unchanged */
export function rowValue(value: Uint8Array): Uint8Array {
  const stored = Buffer.allocUnsafe(1 + value.length)
  stored[0] = VALUE_VERSION
  stored.set(value, 1)
  return stored
}

/**
 * Reads a ROW record.
 *
 * @returns the table record's value
 * @throws JoineryError `CHANGELOG_INVALID` for a version that this code does not know
 */
export function rowBytes(stored: Uint8Array): Uint8Array {
  checkValueVersion(stored, 'ROW')
  return Buffer.from(stored.buffer, stored.byteOffset + 1, stored.length - 1)
}

/** A decoded changelog key. */
export type ChangelogKey =
  | { readonly kind: 'owner' | 'position' }
  | { readonly kind: 'call'; readonly pipeline: string; readonly id: string }
  | { readonly kind: 'waiter'; readonly pipeline: string; readonly offset: number }
  | { readonly kind: 'row'; readonly table: string; readonly key: Uint8Array }

/** @returns the key of a waiting event: its pipeline and its offset in the stream */
export function waiterKey(pipeline: string, offset: number): Uint8Array {
  const name = Buffer.from(pipeline)
  const key = Buffer.allocUnsafe(4 + name.length + 8)
  const at = head(key, KIND.waiter, name)
  key.writeBigUInt64BE(BigInt(offset), at)
  return key
}

/** @returns the key of a table's row */
export function rowKey(table: string, rowKey: Uint8Array): Uint8Array {
  const name = Buffer.from(table)
  const key = Buffer.allocUnsafe(4 + name.length + rowKey.length)
  key.set(rowKey, head(key, KIND.row, name))
  return key
}

/** @returns the key of a call: its pipeline and its id */
export function callKey(pipeline: string, id: string): Uint8Array {
  const name = Buffer.from(pipeline)
  const text = Buffer.from(id)
  const key = Buffer.allocUnsafe(4 + name.length + text.length)
  text.copy(key, head(key, KIND.call, name))
  return key
}

function head(key: Buffer, kind: number, name: Buffer): number {
  key[0] = KEY_FORMAT
  key[1] = kind
  key.writeUInt16BE(name.length, 2)
  name.copy(key, 4)
  return 4 + name.length
}

/**
 * Reads a changelog key.
 *
 * @throws JoineryError `CHANGELOG_INVALID` for a key of an unknown format or kind: a newer version wrote it
 */
export function parseChangelogKey(bytes: Uint8Array): ChangelogKey {
  const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const kind = key[0] === KEY_FORMAT ? key[1] : undefined
  if (kind === KIND.owner && key.length === 2) return { kind: 'owner' }
  if (kind === KIND.position && key.length === 2) return { kind: 'position' }
  const nameEnd = key.length >= 4 ? 4 + key.readUInt16BE(2) : Number.POSITIVE_INFINITY
  if (kind === KIND.waiter && key.length === nameEnd + 8) {
    const offset = Number(key.readBigUInt64BE(nameEnd))
    if (Number.isSafeInteger(offset)) return { kind: 'waiter', pipeline: key.toString('utf8', 4, nameEnd), offset }
  }
  if (kind === KIND.call && key.length >= nameEnd)
    return { kind: 'call', pipeline: key.toString('utf8', 4, nameEnd), id: key.toString('utf8', nameEnd) }
  if (kind === KIND.row && key.length >= nameEnd)
    return { kind: 'row', table: key.toString('utf8', 4, nameEnd), key: key.subarray(nameEnd) }
  throw new JoineryError(
    'CHANGELOG_INVALID',
    `unknown changelog key ${key.subarray(0, 2).toString('hex')}…: run the version that wrote it, or a newer one`,
  )
}

/** @throws JoineryError `CHANGELOG_INVALID` unless a changelog value has the version that this code reads */
export function checkValueVersion(value: Uint8Array, what: string, version: number = VALUE_VERSION): void {
  if (value[0] !== version) {
    throw new JoineryError(
      'CHANGELOG_INVALID',
      `a ${what} record has version ${value[0]}, but this code reads version ${version}: run the version that wrote it, or a newer one`,
    )
  }
}

/** A session of a task, as its OWNER record names it. */
export interface OwnerSession {
  /** 16 random bytes, different for each session. */
  readonly session: Uint8Array
  /** The transactional id of the producer that writes the OWNER record; empty if the log has no transactions. */
  readonly transactionalId: string
}

/** @returns the OWNER record that opens a session of a task */
export function changelogOwner({ session, transactionalId }: OwnerSession): {
  /** The same for every owner. */
  readonly key: Uint8Array
  /** Identifies this owner. */
  readonly value: Uint8Array
} {
  return { key: OWNER_KEY, value: Buffer.concat([Buffer.from([OWNER_VERSION]), session, Buffer.from(transactionalId)]) }
}
