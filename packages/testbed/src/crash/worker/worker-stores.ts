import { lmdbStores } from '@joinery/lmdb'
import { redisStores } from '@joinery/redis'

/** Where a worker may keep its stores. */
export const KEPT = ['in memory', 'on disk', 'in Redis'] as const
export type Kept = (typeof KEPT)[number]

/** Of stores that are not in memory: a folder that no other worker has now, or a server that all share. */
export type StoresAt = { readonly path: string } | { readonly redis: string }

/** The stores of a worker; `undefined` for those in memory. */
export function storesAt(at: StoresAt | undefined): ReturnType<typeof lmdbStores | typeof redisStores> | undefined {
  if (at === undefined) return undefined
  return 'path' in at ? lmdbStores({ path: at.path }) : redisStores({ url: at.redis })
}
