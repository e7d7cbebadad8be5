import { JoineryError } from '../errors.js'
import type { Serde } from './serde.js'
import { typeName } from './type-name.js'
import { bufferOf } from './utf8.js'

const MAX = 2n ** 63n

/** @returns a serde for 64-bit signed integers, big-endian, as in Kafka's `LongSerializer` (`DECODE_FAILED`, `ENCODE_FAILED`) */
export function int64(): Serde<bigint> {
  return {
    format: 'int64',
    decode(value) {
      if (value.length !== 8)
        throw new JoineryError('DECODE_FAILED', `expected the 8 bytes of an int64, got ${value.length}`)
      return bufferOf(value).readBigInt64BE(0)
    },
    encode(value) {
      if (typeof value !== 'bigint')
        throw new JoineryError('ENCODE_FAILED', `expected a bigint, got ${typeName(value)}`)
      if (value < -MAX || value >= MAX)
        throw new JoineryError('ENCODE_FAILED', 'the bigint does not fit in a signed 64-bit integer')
      const out = Buffer.allocUnsafe(8)
      out.writeBigInt64BE(value)
      return out
    },
  }
}
