import { isUtf8 } from 'node:buffer'
import { JoineryError } from '../errors.js'

/** @returns a view of the same bytes with the faster methods of `Buffer` */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Half a surrogate pair has no UTF-8: different strings with one would become the same bytes, and be read back as another one. */
export const LONE_SURROGATE: RegExp = /\p{Surrogate}/u

/** Decoding replaces invalid bytes with this character, which valid text can contain as well. */
const REPLACEMENT = '\ufffd'

/**
 * Decodes strictly: lenient decoding would map different invalid bytes to equal strings.
 *
 * @throws JoineryError `DECODE_FAILED`
 */
export function decodeUtf8(bytes: Uint8Array): string {
  const text = bufferOf(bytes).toString()
  if (text.includes(REPLACEMENT) && !isUtf8(bytes))
    throw new JoineryError('DECODE_FAILED', `the bytes are not valid UTF-8: byte ${validLength(text, bytes)} is wrong`)
  return text
}

/** @returns the number of bytes before the first that is not UTF-8 */
function validLength(text: string, bytes: Uint8Array): number {
  let [begin, length] = [0, 0]
  for (;;) {
    const at = text.indexOf(REPLACEMENT, begin)
    length += Buffer.byteLength(text.slice(begin, at))
    if (bytes[length] !== 0xef || bytes[length + 1] !== 0xbf || bytes[length + 2] !== 0xbd) return length
    begin = at + 1
    length += 3
  }
}
