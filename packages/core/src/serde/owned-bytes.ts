/** Bytes that may be kept: what was cut from a larger buffer is copied, or it would keep all of that alive. */
export function ownedBytes(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.length + 64 ? new Uint8Array(bytes) : bytes
}
