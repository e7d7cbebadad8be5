import { isUtf8 } from 'node:buffer'
import { JoineryError } from '../errors.js'

/** A view of bytes with Node's faster methods. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** What wrong bytes turn into; right ones may say it, too. */
const REPLACEMENT = '\ufffd'

/** Decodes strictly: bytes that are no UTF-8 would otherwise become equal strings. */
export function decodeUtf8(bytes: Uint8Array): string {
  const text = bufferOf(bytes).toString()
  if (text.includes(REPLACEMENT) && !isUtf8(bytes)) throw new JoineryError('DECODE_FAILED', 'the bytes are not UTF-8')
  return text
}
