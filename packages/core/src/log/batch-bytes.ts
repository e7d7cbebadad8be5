import type { Headers } from '../record.js'

/** The header of a record batch, and the largest overhead of a record. */
const OVERHEAD_BYTES = 61 + 40
const HEADER_OVERHEAD_BYTES = 10
/** The most bytes that one UTF-16 code unit takes in UTF-8. */
const CODE_UNIT_BYTES = 3

/** @returns an upper bound for the size of a record batch that contains only this record, in bytes */
export function batchBytes(key: Uint8Array | null, value: Uint8Array | null, headers: Headers): number {
  let bytes = OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0)
  for (const [name, content] of headers)
    bytes += name.length * CODE_UNIT_BYTES + (content?.length ?? 0) + HEADER_OVERHEAD_BYTES
  return bytes
}
