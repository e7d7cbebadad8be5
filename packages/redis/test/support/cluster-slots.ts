import type { Redis } from 'ioredis'
import { vi } from 'vitest'

const SLOTS = 16_384
/** Redis 6.2 has no ranges of slots. */
const PORTION = 4_096

/** Makes a server a whole cluster. */
export async function addAllSlots(redis: Redis): Promise<void> {
  for (let slot = 0; slot < SLOTS; slot += PORTION)
    await redis.call('CLUSTER', ['ADDSLOTS', ...Array.from({ length: PORTION }, (_, i) => String(slot + i))])
  await vi.waitUntil(async () => (await redis.cluster('INFO')).includes('cluster_state:ok'), 10_000)
}
