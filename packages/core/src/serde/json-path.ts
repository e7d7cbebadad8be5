/** The keys and indices that lead to a part of a JSON value. */
export type JsonPath = readonly (string | number)[]

const MAX_CHARACTERS = 200

/** @returns a path for an error message: `lines.2.price`, or `the top` for the whole value */
export function pathText(path: JsonPath): string {
  if (path.length === 0) return 'the top'
  const text = path.slice(0, MAX_CHARACTERS).join('.')
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text
}
