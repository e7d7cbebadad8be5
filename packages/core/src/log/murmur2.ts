/**
 * Hashes bytes with murmur2, with the seed that Kafka's Java client uses for keys.
 *
 * @returns a signed 32-bit integer
 */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length
  const whole = length & ~3
  let hash = 0x9747b28c ^ length
  let at = 0
  for (; at < whole; at += 4) {
    const word =
      byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24)
    const mixed = Math.imul(word, M)
    hash = Math.imul(hash, M) ^ Math.imul(mixed ^ (mixed >>> 24), M)
  }
  const rest = length - whole
  if (rest === 3) hash ^= byte(bytes, at + 2) << 16
  if (rest >= 2) hash ^= byte(bytes, at + 1) << 8
  if (rest >= 1) hash = Math.imul(hash ^ byte(bytes, at), M)
  hash = Math.imul(hash ^ (hash >>> 13), M)
  return hash ^ (hash >>> 15)
}

const M = 0x5bd1e995
const byte = (bytes: Uint8Array, at: number): number => bytes[at] as number

/** @returns the partition that Kafka's default partitioner chooses for a key */
export function partitionFor(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}
