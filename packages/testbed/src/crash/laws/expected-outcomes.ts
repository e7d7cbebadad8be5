import type { CommittedRecord } from '../committed.js'
import type { Activation, Service } from '../service.js'

/** The possible outcomes of an input record. A dropped one is only counted. */
export type ExpectedOutcome = 'emitted' | 'dropped' | 'undecodable' | 'function-threw' | 'no-row' | 'nothing'

/** @returns every outcome that docs/semantics.md allows for a record of this service */
export function expectedOutcomes(service: Service, { topic, key, value }: CommittedRecord): readonly ExpectedOutcome[] {
  const isStream = topic === service.activations.name || topic === service.orders.name
  if (isStream && value === null) return ['dropped']
  if (topic === service.activations.name && key === null) return ['dropped']
  const decoded = decode(value)
  if (decoded === UNDECODABLE) return ['undecodable']
  if (!isStream) return ['nothing']
  if (topic === service.orders.name) return ['emitted']
  return (decoded as Activation).isBad ? ['function-threw', 'no-row'] : ['emitted', 'no-row']
}

/** @returns the version of a table record: `null` for a tombstone, `undefined` if it changes nothing */
export function versionOf({ value }: CommittedRecord): number | null | undefined {
  if (value === null) return null
  const decoded = decode(value)
  return decoded === UNDECODABLE ? undefined : (decoded as { version: number }).version
}

const UNDECODABLE = Symbol('broken')

function decode(value: Buffer | null): unknown {
  if (value === null) return null
  try {
    const text = value.toString()
    return text.includes('"__proto__"') ? UNDECODABLE : JSON.parse(text)
  } catch {
    return UNDECODABLE
  }
}
