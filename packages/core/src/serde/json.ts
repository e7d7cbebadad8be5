import { type Size, sizeBytes } from '../duration.js'
import { JoineryError } from '../errors.js'
import { isPromise } from '../not-promise.js'
import { checkOptionNames } from '../unknown-options.js'
import { ByteArena } from './byte-arena.js'
import { checkSafety } from './json-safety.js'
import type { Serde } from './serde.js'
import type { StandardSchema } from './standard-schema.js'
import { decodeUtf8 } from './utf8.js'

const DEFAULT_MAX_BYTES: Size = '1MiB'

/** Limits on decoded JSON values. */
export interface JsonLimits {
  /**
   * The largest encoded value.
   * @defaultValue `'1MiB'`
   */
  readonly maxBytes?: Size
  /**
   * The deepest nesting of arrays and objects.
   * @defaultValue `64`
   */
  readonly maxDepth?: number
}

const JSON_LIMITS: Readonly<Record<keyof JsonLimits, true>> = { maxBytes: true, maxDepth: true }

/**
 * A serde for JSON in UTF-8. With a schema, decoded values are validated, and transformed by the schema; encoded
 * values have the input type of the schema. Without a schema, the type is not checked at run time.
 *
 * Decoding fails with `DECODE_FAILED` for invalid UTF-8 or JSON, values that exceed the limits, the keys `__proto__` and
 * `constructor.prototype`, values that the schema rejects, and schemas that validate asynchronously. Encoding fails with
 * `ENCODE_FAILED` for promises and for values that `JSON.stringify` cannot represent.
 *
 * @returns the serde
 * @throws JoineryError `OPTION_INVALID`
 *
 * @example
 * ```ts
 * const product = json<{ productId: string }>({ maxBytes: '10KiB' })
 * ```
 */
export function json<In, Out>(schema: StandardSchema<In, Out>, limits?: JsonLimits): Serde<Out, In>
export function json<T = never>(limits?: JsonLimits): Serde<T>
export function json(first?: StandardSchema | JsonLimits, second?: JsonLimits): Serde<unknown> {
  const schema = first !== undefined && '~standard' in first ? first : undefined
  const limits = (schema === undefined ? (first as JsonLimits | undefined) : second) ?? {}
  checkOptionNames('json', limits, JSON_LIMITS)
  const { maxDepth = 64 } = limits
  const maxBytes = sizeBytes(limits.maxBytes ?? DEFAULT_MAX_BYTES, 'maxBytes')
  const parse = (bytes: Uint8Array): unknown => {
    if (bytes.length > maxBytes)
      throw new JoineryError('DECODE_FAILED', `the JSON has ${bytes.length} bytes, more than the limit of ${maxBytes}`)
    const source = decodeUtf8(bytes)
    let value: unknown
    try {
      value = JSON.parse(source)
    } catch (cause) {
      throw new JoineryError('DECODE_FAILED', 'the bytes are not valid JSON', { cause })
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
        throw new JoineryError(
          'ENCODE_FAILED',
          'the value is a promise, but the functions of a pipeline must be synchronous',
        )
      let source: string | undefined
      try {
        source = JSON.stringify(value)
      } catch (cause) {
        throw new JoineryError('ENCODE_FAILED', 'the value cannot be encoded as JSON', { cause })
      }
      if (source === undefined)
        throw new JoineryError('ENCODE_FAILED', `a value of type ${typeof value} cannot be encoded as JSON`)
      return arena.encode(source)
    },
  }
}

function validate(schema: StandardSchema, value: unknown): unknown {
  const result = schema['~standard'].validate(value)
  if (isPromise(result))
    throw new JoineryError('DECODE_FAILED', 'the schema validates asynchronously: use a synchronous schema')
  if (result.issues === undefined) return result.value
  const problems = result.issues.map(({ message, path }) =>
    path === undefined ? message : `${path.map(segment).join('.')}: ${message}`,
  )
  throw new JoineryError('DECODE_FAILED', `the value does not match its schema: ${problems.slice(0, 5).join('; ')}`, {
    problems,
  })
}

const segment = (part: unknown): string =>
  String(typeof part === 'object' && part !== null && 'key' in part ? part.key : part)
