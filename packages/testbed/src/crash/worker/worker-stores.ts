import { lmdbStores } from '@joinery/lmdb'
import { redisStores } from '@joinery/redis'

/** The possible locations of a worker's stores. */
export const STORE_LOCATIONS = ['in memory', 'on disk', 'in Redis'] as const
export type StoreLocation = (typeof STORE_LOCATIONS)[number]

/** Stores that are not in memory: in a folder that no other living worker uses, or in the Redis that all workers share. */
export type StoreAddress = { readonly path: string } | { readonly redis: string }

/** @returns the stores of a worker; `undefined` for in-memory stores */
export function openStores(
  at: StoreAddress | undefined,
): ReturnType<typeof lmdbStores | typeof redisStores> | undefined {
  if (at === undefined) return undefined
  return 'path' in at ? lmdbStores({ path: at.path }) : redisStores({ url: at.redis })
}
