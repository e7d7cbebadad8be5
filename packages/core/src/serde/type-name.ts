/** @returns the type of a value for an error message: as `typeof`, but with separate names for `null` and arrays */
export function typeName(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}
