import type { Headers } from '@joinery/core'

/** The header of the first record of a transaction in a changelog: the transactional id of its producer. */
const TRANSACTIONAL_ID = 'joinery-transactional-id'

/** @returns the headers of the first record of a transaction in a changelog */
export const transactionalIdHeader = (transactionalId: string): Headers => [
  [TRANSACTIONAL_ID, Buffer.from(transactionalId)],
]

/** @returns the transactional id that the first record of a transaction names; `undefined` if it names none */
export function transactionalIdOf(headers: Headers): string | undefined {
  const value = headers.find(([name]) => name === TRANSACTIONAL_ID)?.[1]
  return value == null ? undefined : Buffer.from(value).toString()
}
