import type { CommittedRecord } from '../committed.js'
import type { Activation, Service } from '../service.js'

/** What may become of an input record, by the semantics: a dropped one leaves nothing behind but a count. */
export type Fate = 'emitted' | 'dropped' | 'undecodable' | 'function-threw' | 'no-row' | 'nothing'

/** Every outcome that docs/semantics.md allows for a record of this service. */
export function fatesOf(service: Service, { topic, key, value }: CommittedRecord): readonly Fate[] {
  const isStream = topic === service.activations.name || topic === service.orders.name
  if (isStream && value === null) return ['dropped']
  if (topic === service.activations.name && key === null) return ['dropped']
  const decoded = decode(value)
  if (decoded === BROKEN) return ['undecodable']
  if (!isStream) return ['nothing']
  if (topic === service.orders.name) return ['emitted']
  return (decoded as Activation).isBad ? ['function-threw', 'no-row'] : ['emitted', 'no-row']
}

/** The version of a table record: `null` for a tombstone, `undefined` if it changes nothing. */
export function versionOf({ value }: CommittedRecord): number | null | undefined {
  if (value === null) return null
  const decoded = decode(value)
  return decoded === BROKEN ? undefined : (decoded as { version: number }).version
}

const BROKEN = Symbol('broken')

function decode(value: Buffer | null): unknown {
  if (value === null) return null
  try {
    const text = value.toString()
    return text.includes('"__proto__"') ? BROKEN : JSON.parse(text)
  } catch {
    return BROKEN
  }
}
