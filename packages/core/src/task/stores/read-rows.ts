import type { Rows } from '../../outcome/effects.js'
import type { WriteBatch } from '../commit/write-batch.js'
import type { RowReader } from './row-reader.js'

/** A table whose rows are read. */
interface ReadableTable {
  readonly store: { readonly rows: RowReader }
  readonly hasExactRows: boolean
}

/**
 * Reads the rows that a batch of records needs, from the stores and the uncommitted work.
 *
 * @param keys one for each record
 */
export async function readRows(
  tables: readonly ReadableTable[],
  keys: readonly Uint8Array[],
  batches: readonly WriteBatch[],
): Promise<Rows> {
  const values: Rows['values'][number][] = []
  for (const { store } of tables) {
    const read = store.rows.read(keys, batches)
    values.push(read instanceof Promise ? await read : read)
  }
  return { values, caughtUp: tables.map(({ hasExactRows }) => hasExactRows) }
}
