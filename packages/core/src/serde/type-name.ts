/** @returns the type of a value for an error message: as `typeof`, but with separate names for `null` and arrays */
export function typeName(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

/** @returns what a value is, for an error message, such as `a string` or `an ArrayBuffer`; never any of its contents */
export function describeType(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  const name = typeof value === 'object' ? Object.prototype.toString.call(value).slice(8, -1) : typeof value
  return `${/^[AEIOaeio]/.test(name) ? 'an' : 'a'} ${name}`
}
