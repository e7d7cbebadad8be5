/**
 * Fields of a store's hash. A row has its key as field. What is not a row begins with a zero byte and a letter, so a key
 * that is empty or begins with a zero byte gets two zero bytes before it.
 */
export const MARK_FIELD = '\0m'

const ZERO = 0
const ESCAPE = Buffer.of(ZERO, ZERO)

export function fieldOf(key: Uint8Array): Buffer {
  const bytes = bufferOf(key)
  return bytes.length === 0 || bytes[0] === ZERO ? Buffer.concat([ESCAPE, bytes]) : bytes
}

/** `undefined` for what is not a row. */
export function keyOf(field: Buffer): Buffer | undefined {
  if (field[0] !== ZERO) return field
  return field[1] === ZERO ? field.subarray(ESCAPE.length) : undefined
}

/** The client takes Buffers alone for bytes. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
