/** @returns bytes that can be retained: a small view of a large buffer is copied, because it would keep the whole buffer alive */
export function ownedBytes(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.length + 64 ? new Uint8Array(bytes) : bytes
}
