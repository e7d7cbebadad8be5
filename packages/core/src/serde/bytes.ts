import { JoineryError } from '../errors.js'
import type { Serde } from './serde.js'

/** Bytes as they are; anything but a `Uint8Array` is not written (`ENCODE_FAILED`). */
export function bytes(): Serde<Uint8Array> {
  return {
    format: 'bytes',
    decode: (value) => value,
    encode(value) {
      if (!(value instanceof Uint8Array))
        throw new JoineryError('ENCODE_FAILED', `a Uint8Array is needed, not ${typeof value}`)
      return value
    },
  }
}
