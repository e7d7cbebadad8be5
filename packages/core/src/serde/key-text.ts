const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** @returns a string to use as the key of a `Map`, with one character for each byte: strings are equal if and only if the bytes are */
export function keyText(key: Uint8Array): string {
  return asBuffer(key).toString('latin1')
}

/** @returns the bytes of a string that {@link keyText} returned */
export function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}
