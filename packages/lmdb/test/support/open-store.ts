import type { Change, StateStore, StateStores, StoreId } from '@joinery/core/store'

export const ID: StoreId = { application: 'app', name: 'rows', partition: 0, token: 1, changelogId: 'log' }

export const bytes = (text: string): Uint8Array => Buffer.from(text)
export const put = (key: string, value: string): Change => ({ key: bytes(key), value: bytes(value) })

/** Opens the store that most tests use. */
export async function openStore(stores: StateStores, id: Partial<StoreId> = {}): Promise<StateStore> {
  return stores.open({ ...ID, ...id })
}

/** @returns values as text; `undefined` for a missing row */
export async function read(store: StateStore, ...keys: readonly string[]): Promise<(string | undefined)[]> {
  const values = await store.getMany(keys.map(bytes))
  return values.map((value) => value && Buffer.from(value).toString())
}
