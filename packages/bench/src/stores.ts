import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryStores, type StateStores } from '@joinery/core'

/**
 * Creates the state stores: `STORE` is `memory`, `lmdb` (in `STATE_DIR`), or `redis` (at `REDIS_URL`). Packages that are not
 * used are not loaded.
 */
export async function storesOf({
  STORE = 'memory',
  STATE_DIR,
  REDIS_URL = 'redis://127.0.0.1:6379',
}: NodeJS.ProcessEnv): Promise<StateStores> {
  if (STORE === 'memory') return memoryStores()
  if (STORE === 'lmdb') {
    const { lmdbStores } = await import('@joinery/lmdb')
    return lmdbStores({ path: STATE_DIR ?? mkdtempSync(join(tmpdir(), 'joinery-bench-')) })
  }
  if (STORE === 'redis') {
    const { redisStores } = await import('@joinery/redis')
    return redisStores({ url: REDIS_URL })
  }
  throw new Error(`STORE is ${STORE}: set it to memory, lmdb or redis`)
}
