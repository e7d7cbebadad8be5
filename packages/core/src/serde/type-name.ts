/** @returns the type of a value for an error message: as `typeof`, but `null` and arrays have names of their own */
export function typeName(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}
