import type { Change, StateStore, StoreId } from '@joinery/core/store'
import { type RedisStoresOptions, redisStores } from '../../src/index.js'
import { atEnd } from './servers.js'

export const ID: StoreId = { application: 'app', name: 'rows', partition: 0, token: 1, changelogId: 'log' }
/** Its key in Redis. */
export const KEY = 'joinery:{app:0}:rows'

export const bytes = (text: string): Buffer => Buffer.from(text)
export const put = (key: string, value: string): Change => ({ key: bytes(key), value: bytes(value) })

/** Creates stores that are disposed of after the test. */
export function storesOf(options: RedisStoresOptions): ReturnType<typeof redisStores> {
  const stores = redisStores(options)
  atEnd(() => stores[Symbol.asyncDispose]())
  return stores
}

export async function read(store: StateStore, ...keys: readonly string[]): Promise<(string | undefined)[]> {
  const values = await store.getMany(keys.map(bytes))
  return values.map((value) => (value === undefined ? undefined : Buffer.from(value).toString()))
}

export async function scan(store: StateStore): Promise<string[]> {
  const keys: string[] = []
  for await (const [key] of store.entries()) keys.push(Buffer.from(key).toString())
  return keys.sort()
}
