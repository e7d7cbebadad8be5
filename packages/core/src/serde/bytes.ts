import { isUint8Array } from 'node:util/types'
import { JoineryError } from '../errors.js'
import { ownedBytes } from './owned-bytes.js'
import type { Serde } from './serde.js'

/** Bytes as they are; anything but a `Uint8Array` is not written (`ENCODE_FAILED`). */
export function bytes(): Serde<Uint8Array> {
  return {
    format: 'bytes',
    decode: ownedBytes,
    encode(value) {
      // of any realm: where tests run in one of their own, a Buffer is no instance of our Uint8Array
      if (!isUint8Array(value)) throw new JoineryError('ENCODE_FAILED', `a Uint8Array is needed, not ${typeof value}`)
      return value
    },
  }
}
