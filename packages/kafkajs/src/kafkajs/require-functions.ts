import { JoineryError } from '@joinery/core'

const PINNED = '2.2.4'

/** Fails unless an object of kafkajs has the methods that are called on it. */
export function requireFunctions(what: string, object: unknown, names: readonly string[]): void {
  requireAll(what, object, names, (value) => typeof value === 'function')
}

/** Fails unless an object of kafkajs has the lists that are read or emptied. */
export function requireLists(what: string, object: unknown, names: readonly string[]): void {
  requireAll(what, object, names, Array.isArray)
}

function requireAll(what: string, object: unknown, names: readonly string[], is: (value: unknown) => boolean): void {
  const missing = names.filter((name) => !is((object as Readonly<Record<string, unknown>> | undefined)?.[name]))
  if (missing.length === 0) return
  throw new JoineryError(
    'CLIENT_UNSUPPORTED',
    `kafkajs' ${what} has no ${missing.join(', ')}: install kafkajs ${PINNED} exactly, Joinery relies on how that version is built`,
  )
}
