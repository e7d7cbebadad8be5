import type { TablePlan } from '../../pipeline/plan.js'
import { decoded } from '../../serde/serde-result.js'
import type { BlockedRecords, Place } from '../blocked/blocked-records.js'
import type { IsRow } from './restore-table.js'

/**
 * Whether a record of a table is a row: it can be decoded, and decoding it has not blocked this process twice. One that is not was
 * reported when it was first processed.
 */
export function isRowOf(
  { topic, key: keySerde, value: valueSerde }: TablePlan,
  blocked: BlockedRecords | undefined,
): IsRow {
  const isDecodable = (key: Uint8Array, value: Uint8Array | null): boolean => {
    try {
      decoded(keySerde.decode(key))
      if (value !== null) decoded(valueSerde.decode(value))
      return true
    } catch {
      return false
    }
  }
  if (blocked === undefined) return ({ key, value }) => isDecodable(key, value)
  return ({ key, value, offset, partition }) => {
    const place: Place = { of: `table ${topic}`, topic, partition }
    if (blocked.failureOf(place, offset) !== undefined) return false
    const isRow = blocked.measured(place, offset, 'the serdes', () => isDecodable(key, value))
    return isRow && blocked.failureOf(place, offset) === undefined
  }
}
