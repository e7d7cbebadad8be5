type Value = string | number | null
type Joiner = (left: Value, right: Value | undefined, key: Value) => Value

const format = (value: Value | undefined): string => String(value ?? null)

/** The joiners, by the name that scenarios use. A missing row is formatted as null. */
const JOINERS: Readonly<Record<string, Joiner>> = {
  'left+right': (left, right) => `${format(left)}+${format(right)}`,
  'left-right': (left, right) => `${format(left)}-${format(right)}`,
  'left|right': (left, right) => `${format(left)}|${format(right)}`,
  'key:sum': (left, right, key) => `${format(key)}:${Number(left) + Number(right ?? 0)}`,
  'rightOrUNKNOWN/left': (left, right) => `${right ?? 'UNKNOWN'}/${format(left)}`,
}

/** @returns the joiner with a name */
export function joinerOf(name: unknown): Joiner {
  const joiner = typeof name === 'string' ? JOINERS[name] : undefined
  if (joiner === undefined) throw new Error(`unknown joiner ${JSON.stringify(name)}`)
  return joiner
}
