import { createRequire } from 'node:module'
import { crc32c as byTables } from './table-crc32c.js'

/** CRC-32C (Castagnoli) of a range of bytes, as record batches have it; unsigned. */
export const crc32c: (bytes: Uint8Array, from: number, to: number) => number = byInstruction() ?? byTables

/** Processors have an instruction for it, which is many times as fast; JavaScript can use it only through a native module. */
function byInstruction(): typeof byTables | undefined {
  try {
    const native = createRequire(import.meta.url)('@node-rs/crc32') as { crc32c(bytes: Uint8Array): number }
    return (bytes, from, to) => native.crc32c(bytes.subarray(from, to))
  } catch {
    return undefined // not installed, or none for this platform
  }
}
