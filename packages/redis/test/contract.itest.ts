import { randomUUID } from 'node:crypto'
import { stateStoreSuite } from '@joinery/core/testing'
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis-5'
import { afterAll, describe, inject, it } from 'vitest'
import { type RedisClient, redisStores } from '../src/index.js'

const url = inject('redisUrl')
/** A prefix that no other program and no earlier run has used. */
const run = `test-${randomUUID().slice(0, 8)}`
const clients: Record<string, () => RedisClient> = {
  'ioredis 6': () => new Redis(url, { lazyConnect: true }),
  'ioredis 6 that speaks RESP2': () => new Redis(url, { lazyConnect: true, protocol: 2 }),
  'ioredis 5': () => new Redis5(url, { lazyConnect: true }) as unknown as RedisClient,
}

for (const [name, connect] of Object.entries(clients)) {
  const client = connect()
  const namespace = `${run}-${name.replaceAll(' ', '-')}`
  stateStoreSuite({ describe, it }, `redisStores with a client of ${name}`, (place) =>
    redisStores({ client, namespace: `${namespace}-${place}` }),
  )
  afterAll(async () => {
    const keys = await client.keys(`${namespace}-*`)
    if (keys.length > 0) await client.unlink(keys)
    await client.quit()
  })
}

stateStoreSuite({ describe, it }, 'redisStores with a URL', (place) =>
  redisStores({ url, namespace: `${run}-url-${place}` }),
)
