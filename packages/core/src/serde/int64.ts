import { JoineryError } from '../errors.js'
import type { Serde } from './serde.js'
import { bufferOf } from './utf8.js'

const MAX = 2n ** 63n

/** 64-bit signed integers, big-endian, as Kafka's `LongSerializer` writes them (`DECODE_FAILED`, `ENCODE_FAILED`). */
export function int64(): Serde<bigint> {
  return {
    format: 'int64',
    decode(value) {
      if (value.length !== 8) throw new JoineryError('DECODE_FAILED', `an int64 has 8 bytes, not ${value.length}`)
      return bufferOf(value).readBigInt64BE(0)
    },
    encode(value) {
      if (typeof value !== 'bigint') throw new JoineryError('ENCODE_FAILED', `a bigint is needed, not ${typeof value}`)
      if (value < -MAX || value >= MAX) throw new JoineryError('ENCODE_FAILED', 'the bigint does not fit into 64 bits')
      const out = Buffer.allocUnsafe(8)
      out.writeBigInt64BE(value)
      return out
    },
  }
}
