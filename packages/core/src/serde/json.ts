import { type Size, sizeBytes } from '../duration.js'
import { isJoineryError, JoineryError } from '../errors.js'
import { isPromise } from '../not-promise.js'
import { checkOptionNames } from '../unknown-options.js'
import { ByteArena } from './byte-arena.js'
import { encodingProblem } from './encoding-problem.js'
import { JsonParser } from './json-parser.js'
import { isSafe } from './json-safety.js'
import { writeJson } from './json-writer.js'
import { isLossless } from './lossless.js'
import type { Serde } from './serde.js'
import type { StandardSchema } from './standard-schema.js'
import { typeName } from './type-name.js'
import { decodeUtf8 } from './utf8.js'

const DEFAULT_MAX_BYTES: Size = '1MiB'

/** Options of {@link json}. */
export interface JsonOptions {
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
  /**
   * The treatment of integers beyond 2^53, where numbers lose digits: `true` decodes them to `bigint` (smaller ones stay
   * numbers), and encodes every `bigint` as an integer. `false` refuses both.
   * @defaultValue `false`
   */
  readonly bigints?: boolean
}

const JSON_OPTIONS: Readonly<Record<keyof JsonOptions, true>> = { maxBytes: true, maxDepth: true, bigints: true }

/**
 * Creates a serde for JSON in UTF-8. With a schema, decoded values are validated, and transformed by the schema; encoded
 * values have the input type of the schema. Without a schema, the type is not checked at run time.
 *
 * Decoding fails with `DECODE_FAILED` for invalid UTF-8 or JSON, values that exceed the limits, the keys `__proto__` and
 * `constructor.prototype`, integers beyond 2^53 without `bigints`, numbers that are too large for a `number`, values that
 * the schema rejects, and schemas that validate asynchronously. Encoding fails with `ENCODE_FAILED` for what
 * `JSON.stringify` would leave out or replace: functions, symbols, promises, maps, sets, typed arrays, instances without
 * enumerable fields, `NaN`, infinite numbers, the same integers, and `undefined` in an array; a field that is `undefined` is
 * left out, because it is optional. Messages contain the position or the path.
 *
 * @returns a serde for the keys or the values of a topic
 * @throws JoineryError `OPTION_INVALID`
 *
 * @example
 * ```ts
 * const product = json<{ productId: string }>({ maxBytes: '10KiB' })
 * ```
 */
export function json<In, Out>(schema: StandardSchema<In, Out>, options?: JsonOptions): Serde<Out, In>
export function json<T = never>(options?: JsonOptions): Serde<T>
export function json(first?: StandardSchema | JsonOptions, second?: JsonOptions): Serde<unknown> {
  const schema = first !== undefined && '~standard' in first ? first : undefined
  const options = (schema === undefined ? (first as JsonOptions | undefined) : second) ?? {}
  checkOptionNames('json', options, JSON_OPTIONS)
  const { maxDepth = 64, bigints = false } = options
  if (typeof bigints !== 'boolean')
    throw new JoineryError('OPTION_INVALID', `json: bigints is ${typeName(bigints)}: use true or false`)
  const maxBytes = sizeBytes(options.maxBytes ?? DEFAULT_MAX_BYTES, 'maxBytes')
  const parse = (bytes: Uint8Array): unknown => {
    if (bytes.length > maxBytes)
      throw new JoineryError('DECODE_FAILED', `the JSON has ${bytes.length} bytes, more than the limit of ${maxBytes}`)
    let source: string
    let value: unknown
    try {
      source = decodeUtf8(bytes)
      value = JSON.parse(source)
    } catch (cause) {
      throw notJson(bytes, cause)
    }
    return isSafe(source, value, maxDepth) ? value : new JsonParser(source, { bigints }).parse()
  }
  const arena = new ByteArena()
  return {
    format: 'json',
    decode: schema === undefined ? parse : (bytes) => validate(schema, parse(bytes)),
    encode: (value) => arena.encode(write(value, bigints)),
  }
}

function write(value: unknown, bigints: boolean): string {
  let source: string | undefined
  try {
    source = isLossless(value) ? JSON.stringify(value) : writeJson(value, bigints)
  } catch (cause) {
    if (isJoineryError(cause, 'ENCODE_FAILED')) throw cause
    const why = cause instanceof Error ? `: ${cause.message}` : ''
    throw new JoineryError('ENCODE_FAILED', `the value cannot be encoded as JSON${why}`, { cause })
  }
  if (source === undefined)
    throw new JoineryError('ENCODE_FAILED', `a value of type ${typeof value} cannot be encoded as JSON`)
  return source
}

/** @returns the error for bytes that are not JSON, which says where and why, as `JSON.parse` does not always */
function notJson(bytes: Uint8Array, cause: unknown): unknown {
  const problem = encodingProblem(bytes)
  if (problem !== undefined)
    return new JoineryError('DECODE_FAILED', `the bytes are not valid JSON: ${problem}`, { cause })
  if (isJoineryError(cause)) return cause
  try {
    new JsonParser(decodeUtf8(bytes), { bigints: true, cause }).parse()
  } catch (error) {
    return error
  }
  return new JoineryError('DECODE_FAILED', 'the bytes are not valid JSON', { cause })
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
