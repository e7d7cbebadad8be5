import { JoineryError } from '../errors.js'
import type { Serde } from './serde.js'
import { decodeUtf8 } from './utf8.js'

/** A surrogate without its other half has no UTF-8: two such strings would become the same key. */
const LONE_SURROGATE = /\p{Surrogate}/u

/** Strings as UTF-8, strictly in both directions (`DECODE_FAILED`, `ENCODE_FAILED`). */
export function text(): Serde<string> {
  return {
    format: 'text',
    decode: decodeUtf8,
    encode(value) {
      if (typeof value !== 'string') throw new JoineryError('ENCODE_FAILED', `a text is needed, not ${typeof value}`)
      if (LONE_SURROGATE.test(value))
        throw new JoineryError('ENCODE_FAILED', 'the text has a lone surrogate, which UTF-8 cannot hold')
      return Buffer.from(value)
    },
  }
}
