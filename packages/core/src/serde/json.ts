import { JoineryError } from '../errors.js'
import { isPromise } from '../not-promise.js'
import { ByteArena } from './byte-arena.js'
import { checkSafety } from './json-safety.js'
import type { Serde } from './serde.js'
import type { StandardSchema } from './standard-schema.js'
import { decodeUtf8 } from './utf8.js'

/** What a JSON value may cost before it is refused. */
export interface JsonLimits {
  /**
   * Bytes of one value.
   * @defaultValue `1_048_576`
   */
  readonly maxBytes?: number
  /**
   * Nested arrays and objects.
   * @defaultValue `64`
   */
  readonly maxDepth?: number
}

/**
 * JSON as UTF-8. With a schema, what is read is validated (and transformed, as the schema says), and the type of what
 * is written is the schema's input. Without one, the type is taken on trust.
 *
 * Refused with `DECODE_FAILED`: wrong UTF-8, wrong JSON, values beyond the limits, the keys `__proto__` and
 * `constructor.prototype`, what the schema refuses, and schemas that validate asynchronously. Not written, with
 * `ENCODE_FAILED`: promises, and what `JSON.stringify` has no text for.
 *
 * @example
 * ```ts
 * const product = json<{ productId: string }>({ maxBytes: 10_000 })
 * ```
 */
export function json<In, Out>(schema: StandardSchema<In, Out>, limits?: JsonLimits): Serde<Out, In>
export function json<T = never>(limits?: JsonLimits): Serde<T>
export function json(first?: StandardSchema | JsonLimits, second?: JsonLimits): Serde<unknown> {
  const schema = first !== undefined && '~standard' in first ? first : undefined
  const { maxBytes = 1_048_576, maxDepth = 64 } =
    (schema === undefined ? (first as JsonLimits | undefined) : second) ?? {}
  const parse = (bytes: Uint8Array): unknown => {
    if (bytes.length > maxBytes)
      throw new JoineryError('DECODE_FAILED', `the JSON has ${bytes.length} bytes, ${maxBytes} are allowed`)
    const source = decodeUtf8(bytes)
    let value: unknown
    try {
      value = JSON.parse(source)
    } catch (cause) {
      throw new JoineryError('DECODE_FAILED', 'the bytes are not JSON', { cause })
    }
    checkSafety(source, value, maxDepth)
    return value
  }
  const arena = new ByteArena()
  return {
    format: 'json',
    decode: schema === undefined ? parse : (bytes) => validate(schema, parse(bytes)),
    encode(value) {
      if (isPromise(value))
        throw new JoineryError('ENCODE_FAILED', 'the value is a promise: functions of a pipeline are synchronous')
      let source: string | undefined
      try {
        source = JSON.stringify(value)
      } catch (cause) {
        throw new JoineryError('ENCODE_FAILED', 'the value cannot be written as JSON', { cause })
      }
      if (source === undefined) throw new JoineryError('ENCODE_FAILED', `${typeof value} cannot be written as JSON`)
      return arena.encode(source)
    },
  }
}

function validate(schema: StandardSchema, value: unknown): unknown {
  const result = schema['~standard'].validate(value)
  if (isPromise(result))
    throw new JoineryError('DECODE_FAILED', 'the schema validates asynchronously: a serde needs a synchronous one')
  if (result.issues === undefined) return result.value
  const problems = result.issues.map(({ message, path }) =>
    path === undefined ? message : `${path.map(segment).join('.')}: ${message}`,
  )
  throw new JoineryError('DECODE_FAILED', `the value does not fit its schema: ${problems.slice(0, 5).join('; ')}`, {
    problems,
  })
}

const segment = (part: unknown): string =>
  String(typeof part === 'object' && part !== null && 'key' in part ? part.key : part)
