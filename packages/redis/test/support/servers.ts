import { Redis as Client } from 'ioredis'
import { afterEach, inject } from 'vitest'
import { type Redis, type RedisOptions, startRedis } from '../../../testbed/src/index.js'
import type {} from '../../../testbed/src/redis-setup.js'

/** Tests that kill or configure servers need some of their own. */
export const isPossible: boolean = inject('ownRedis').isPossible

const ends: (() => unknown)[] = []

/** Ended after the test, the last first. */
export function atEnd(end: () => unknown): void {
  ends.push(end)
}

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** A server of this test's own. */
export async function ownServer(options: RedisOptions = {}): Promise<Redis> {
  const redis = await startRedis({ ...options, own: true })
  atEnd(() => redis.stop())
  return redis
}

/** A client that looks at a server from outside. */
export function observer(url: string): Client {
  const client = new Client(url, { maxRetriesPerRequest: null })
  client.on('error', () => {}) // the server may be down meanwhile
  atEnd(() => client.disconnect())
  return client
}
