const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** A `Map` key for bytes, one character for each byte: equal exactly when the bytes are. */
export function keyText(key: Uint8Array): string {
  return asBuffer(key).toString('latin1')
}

/** The bytes of such a text. */
export function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}
