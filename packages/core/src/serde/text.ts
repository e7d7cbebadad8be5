import { JoineryError } from '../errors.js'
import type { Serde } from './serde.js'
import { typeName } from './type-name.js'
import { decodeUtf8, LONE_SURROGATE } from './utf8.js'

/** @returns a serde for strings as UTF-8, strict in both directions (`DECODE_FAILED`, `ENCODE_FAILED`) */
export function text(): Serde<string> {
  return {
    format: 'text',
    decode: decodeUtf8,
    encode(value) {
      if (typeof value !== 'string')
        throw new JoineryError('ENCODE_FAILED', `expected a string, got ${typeName(value)}`)
      if (LONE_SURROGATE.test(value))
        throw new JoineryError('ENCODE_FAILED', 'the string contains a lone surrogate, which has no UTF-8 encoding')
      return Buffer.from(value)
    },
  }
}
