import { JoineryError } from '@joinery/core'

const PINNED = '2.2.4'

/**
 * Checks that an object of kafkajs has the methods that Joinery calls on it.
 *
 * @throws JoineryError `CLIENT_UNSUPPORTED`
 */
export function requireFunctions(what: string, object: unknown, names: readonly string[]): void {
  requireAll(what, object, names, (value) => typeof value === 'function')
}

/**
 * Checks that an object of kafkajs has the arrays that Joinery reads or empties.
 *
 * @throws JoineryError `CLIENT_UNSUPPORTED`
 */
export function requireLists(what: string, object: unknown, names: readonly string[]): void {
  requireAll(what, object, names, Array.isArray)
}

function requireAll(what: string, object: unknown, names: readonly string[], is: (value: unknown) => boolean): void {
  const missing = names.filter((name) => !is((object as Readonly<Record<string, unknown>> | undefined)?.[name]))
  if (missing.length === 0) return
  throw new JoineryError(
    'CLIENT_UNSUPPORTED',
    `kafkajs' ${what} has no ${missing.join(', ')}: install kafkajs ${PINNED} exactly, Joinery depends on internals of that version`,
  )
}
