import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryStores, type StateStores } from '@joinery/core'
import { lmdbStores } from '@joinery/lmdb'
import { redisStores } from '@joinery/redis'

/** Where rows and waiting events are kept: `STORE` is `memory`, `lmdb` (in `STATE_DIR`), or `redis` (at `REDIS_URL`). */
export function storesOf({
  STORE = 'memory',
  STATE_DIR,
  REDIS_URL = 'redis://127.0.0.1:6379',
}: NodeJS.ProcessEnv): StateStores {
  if (STORE === 'memory') return memoryStores()
  if (STORE === 'lmdb') return lmdbStores({ path: STATE_DIR ?? mkdtempSync(join(tmpdir(), 'joinery-bench-')) })
  if (STORE === 'redis') return redisStores({ url: REDIS_URL })
  throw new Error(`STORE is ${STORE}: set it to memory, lmdb or redis`)
}
