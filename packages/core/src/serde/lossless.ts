/** Values that contain themselves are deeper than any. */
const MAX_DEPTH = 200
const MAX = Number.MAX_SAFE_INTEGER

/**
 * Whether `JSON.stringify` certainly writes everything that a value contains. It runs for each value that is encoded,
 * so it only looks at types. What it does not know, {@link writeJson} examines.
 */
export function isLossless(value: unknown): boolean {
  return typeof value === 'string' || isPlain(value, 0)
}

function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return value <= MAX && value >= -MAX // also false for NaN
  if (typeof value === 'object')
    return (
      value === null || (depth < MAX_DEPTH && (Array.isArray(value) ? isArray(value, depth) : isObject(value, depth)))
    )
  // an undefined field is left out by intention: it is optional
  return value === true || value === false || (value === undefined && depth > 0)
}

function isArray(values: readonly unknown[], depth: number): boolean {
  for (const value of values)
    if (typeof value !== 'string' && (value === undefined || !isPlain(value, depth + 1))) return false
  return true
}

function isObject(value: object, depth: number): boolean {
  if ((value as { readonly toJSON?: unknown }).toJSON !== undefined)
    return value instanceof Date && !Number.isNaN(value.getTime())
  const isLiteral = Object.getPrototypeOf(value) === Object.prototype
  // a Map, a typed array and the like, whatever fields they have
  if (!isLiteral && Object.prototype.toString.call(value) !== '[object Object]') return false
  let isEmpty = true
  for (const key in value) {
    isEmpty = false
    const inner = (value as Readonly<Record<string, unknown>>)[key]
    if (typeof inner !== 'string' && !isPlain(inner, depth + 1)) return false
  }
  // an instance without fields may have private ones
  return !isEmpty || isLiteral
}
