/**
 * Fields of the hash of a store. The field of a row is its key. Every other field begins with a zero byte and a letter, so a
 * key that is empty or begins with a zero byte is prefixed with two zero bytes.
 */
export const MARK_FIELD = '\0m'

const ZERO = 0
const ESCAPE = Buffer.of(ZERO, ZERO)

/** @returns the field of a row */
export function fieldOf(key: Uint8Array): Buffer {
  const bytes = bufferOf(key)
  return bytes.length === 0 || bytes[0] === ZERO ? Buffer.concat([ESCAPE, bytes]) : bytes
}

/** @returns the key of a field; `undefined` if the field is not a row */
export function keyOf(field: Buffer): Buffer | undefined {
  if (field[0] !== ZERO) return field
  return field[1] === ZERO ? field.subarray(ESCAPE.length) : undefined
}

/** @returns a view as `Buffer`, the only type that the client accepts as bytes */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
