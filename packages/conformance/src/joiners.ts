type Value = string | number | null
type Joiner = (left: Value, right: Value | undefined, key: Value) => Value

const show = (value: Value | undefined): string => String(value ?? null)

/** The functions that scenarios name. A missing row prints as null. */
const JOINERS: Readonly<Record<string, Joiner>> = {
  'left+right': (left, right) => `${show(left)}+${show(right)}`,
  'left-right': (left, right) => `${show(left)}-${show(right)}`,
  'left|right': (left, right) => `${show(left)}|${show(right)}`,
  'key:sum': (left, right, key) => `${show(key)}:${Number(left) + Number(right ?? 0)}`,
  'rightOrUNKNOWN/left': (left, right) => `${right ?? 'UNKNOWN'}/${show(left)}`,
}

export function joinerOf(name: unknown): Joiner {
  const joiner = typeof name === 'string' ? JOINERS[name] : undefined
  if (joiner === undefined) throw new Error(`unknown joiner ${JSON.stringify(name)}`)
  return joiner
}
