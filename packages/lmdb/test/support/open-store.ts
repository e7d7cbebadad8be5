import type { Change, StateStore, StateStores, StoreId } from '@joinery/core/store'

export const ID: StoreId = { application: 'app', name: 'rows', partition: 0, token: 1, changelogId: 'log' }

export const bytes = (text: string): Uint8Array => Buffer.from(text)
export const put = (key: string, value: string): Change => ({ key: bytes(key), value: bytes(value) })

/** The one store that most tests need. */
export async function openStore(stores: StateStores, id: Partial<StoreId> = {}): Promise<StateStore> {
  return stores.open({ ...ID, ...id })
}

/** Values as text, `undefined` where there is none. */
export async function read(store: StateStore, ...keys: readonly string[]): Promise<(string | undefined)[]> {
  const values = await store.getMany(keys.map(bytes))
  return values.map((value) => value && Buffer.from(value).toString())
}
