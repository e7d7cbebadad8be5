import { JoineryError } from '../errors.js'
import { isPromise } from '../not-promise.js'
import { type JsonPath, pathText } from './json-path.js'
import { describeType } from './type-name.js'

/** `JSON.stringify` writes what they wrap. */
const WRAPPERS = [Number, String, Boolean, BigInt]
/** Objects of which `JSON.stringify` would write the fields, if there are any, and not the contents. */
const NOT_JSON =
  /^(Map|Set|WeakMap|WeakSet|WeakRef|RegExp|Error|Date|Blob|File|FormData|Headers|URLSearchParams|\w*ArrayBuffer|DataView|(Int|Uint|Float|BigInt|BigUint)\w+Array|\w*Generator|\w+ Iterator)$/

/**
 * Writes JSON as `JSON.stringify` does, but refuses what that leaves out or replaces, and writes bigints as integers, if
 * they are allowed. It is for what {@link isLossless} does not accept: it is several times slower.
 *
 * @returns the text; `undefined` for a value that JSON does not have
 * @throws JoineryError `ENCODE_FAILED` with the path
 */
export function writeJson(value: unknown, bigints: boolean): string | undefined {
  return write(value, { bigints, path: [], around: new Set() })
}

interface Context {
  readonly bigints: boolean
  readonly path: (string | number)[]
  /** The objects that contain the current one. */
  readonly around: Set<object>
}

function write(value: unknown, context: Context): string | undefined {
  switch (typeof value) {
    case 'bigint':
      if (!context.bigints)
        refuse(context.path, 'is a bigint: set json({ bigints: true }), which writes it as an integer')
      return String(value)
    case 'number':
      return writeNumber(value, context.path)
    case 'function':
    case 'symbol':
      return refuse(context.path, `is ${describeType(value)}`)
    case 'object':
      return value === null ? 'null' : writeObject(value, context)
    default:
      return JSON.stringify(value) // undefined has no text
  }
}

function writeNumber(value: number, path: JsonPath): string {
  if (!Number.isFinite(value)) refuse(path, `is ${value}`)
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21)
    refuse(
      path,
      'is an integer beyond 2^53, where numbers lose digits: use a bigint with json({ bigints: true }), or a string',
    )
  return JSON.stringify(value)
}

function writeObject(value: object, context: Context): string | undefined {
  const { path, around } = context
  if (value instanceof Date && Number.isNaN(value.getTime())) refuse(path, 'is an invalid date')
  if (WRAPPERS.some((wrapper) => value instanceof wrapper)) return write(value.valueOf(), context)
  if (around.has(value)) refuse(path, 'contains itself')
  around.add(value)
  const { toJSON } = value as { readonly toJSON?: unknown }
  const converted: unknown = typeof toJSON === 'function' ? toJSON.call(value, String(path.at(-1) ?? '')) : value
  const isObject = typeof converted === 'object' && converted !== null
  const written = isObject ? writeContents(converted, context) : write(converted, context)
  around.delete(value)
  return written
}

const writeContents = (value: object, context: Context): string =>
  Array.isArray(value) ? writeArray(value, context) : writeFields(value, context)

function writeArray(values: readonly unknown[], context: Context): string {
  // unlike `map`, this includes the holes of a sparse array
  const parts = Array.from(
    values,
    (value, i) => writeInner(value, i, context) ?? refuse([...context.path, i], 'is undefined'),
  )
  return `[${parts.join(',')}]`
}

function writeFields(value: object, context: Context): string {
  const fields = Object.entries(value)
  const { path } = context
  if (isPromise(value)) refuse(path, 'is a promise, but the functions of a pipeline are synchronous')
  if (NOT_JSON.test(Object.prototype.toString.call(value).slice(8, -1))) refuse(path, `is ${describeType(value)}`)
  if (fields.length === 0 && !isLiteral(value))
    refuse(
      path,
      `is an instance of ${String(value.constructor?.name)}, which has no enumerable fields: give it a toJSON method`,
    )
  const parts: string[] = []
  for (const [key, inner] of fields) {
    const text = writeInner(inner, key, context)
    if (text !== undefined) parts.push(`${JSON.stringify(key)}:${text}`)
  }
  return `{${parts.join(',')}}`
}

/** Whether an object is made from a literal, in this realm or another one, or has no prototype. */
function isLiteral(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function writeInner(value: unknown, key: string | number, context: Context): string | undefined {
  context.path.push(key)
  const text = write(value, context)
  context.path.pop()
  return text
}

function refuse(path: JsonPath, what: string): never {
  throw new JoineryError('ENCODE_FAILED', `the value at ${pathText(path)} ${what}`)
}
