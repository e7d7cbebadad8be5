import { isUint8Array } from 'node:util/types'
import { JoineryError } from '../errors.js'
import { isPromise } from '../not-promise.js'
import { describeType } from './type-name.js'

/**
 * Checks what `decode` returned. A promise would be joined as if it were the value, and an `undefined` row as if it were
 * missing.
 *
 * @returns the value itself
 * @throws JoineryError `DECODE_FAILED` for a promise and for `undefined`
 */
export function decoded<T>(value: T): T {
  if (isPromise(value))
    throw new JoineryError(
      'DECODE_FAILED',
      'decode returned a promise: a serde is synchronous, so load what it needs, such as schemas, before you call run',
    )
  if (value === undefined)
    throw new JoineryError('DECODE_FAILED', 'decode returned undefined: return the value, or null if there is none')
  return value
}

/**
 * Checks what the `encode` of a key or of a call's result returned. A log would write other things than bytes as
 * something else.
 *
 * @returns the bytes themselves
 * @throws JoineryError `ENCODE_FAILED` for everything but a `Uint8Array`
 */
export function encoded(bytes: unknown): Uint8Array {
  // the slower check accepts those of another realm, as test runners create
  if (bytes instanceof Uint8Array || isUint8Array(bytes)) return bytes
  const type = isPromise(bytes) ? 'a promise' : describeType(bytes)
  throw new JoineryError('ENCODE_FAILED', `encode returned ${type}, not bytes`)
}

/**
 * Checks what the `encode` of a value returned: like {@link encoded}, but `null` is a tombstone, as for Kafka's own
 * serializers.
 *
 * @returns the bytes themselves
 * @throws JoineryError `ENCODE_FAILED`
 */
export function encodedValue(bytes: unknown): Uint8Array | null {
  return bytes === null ? null : encoded(bytes)
}
