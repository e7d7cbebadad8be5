import { isUint8Array } from 'node:util/types'
import { JoineryError } from '../errors.js'
import { ownedBytes } from './owned-bytes.js'
import type { Serde } from './serde.js'
import { typeName } from './type-name.js'

/** @returns a serde that passes bytes through; it encodes only a `Uint8Array` (`ENCODE_FAILED`) */
export function bytes(): Serde<Uint8Array> {
  return {
    format: 'bytes',
    decode: ownedBytes,
    encode(value) {
      // works across realms: in a test runner that uses its own, a Buffer is not an `instanceof` this Uint8Array
      if (!isUint8Array(value)) throw new JoineryError('ENCODE_FAILED', `expected a Uint8Array, got ${typeName(value)}`)
      return value
    },
  }
}
