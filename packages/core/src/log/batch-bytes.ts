import type { Headers } from '../record.js'

/** A record batch's header, and what the largest record may need beside its bytes. */
const OVERHEAD = 61 + 40
const HEADER_OVERHEAD = 10
/** Bytes of the longest character in UTF-8, by unit of a JavaScript string. */
const CHARACTER = 3

/** What a batch with this record alone takes at most, in bytes. */
export function batchBytes(key: Uint8Array | null, value: Uint8Array | null, headers: Headers): number {
  let bytes = OVERHEAD + (key?.length ?? 0) + (value?.length ?? 0)
  for (const [name, content] of headers) bytes += name.length * CHARACTER + (content?.length ?? 0) + HEADER_OVERHEAD
  return bytes
}
