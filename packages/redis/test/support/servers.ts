import { Redis as Client } from 'ioredis'
import { afterEach, inject } from 'vitest'
import { type Redis, type RedisOptions, startRedis } from '../../../testbed/src/index.js'
import type {} from '../../../testbed/src/redis-setup.js'

/** Servers for tests that kill or configure them. */
export const isPossible: boolean = inject('ownRedis').isPossible

const ends: (() => unknown)[] = []

/** Stopped after the test, in reverse order. */
export function atEnd(end: () => unknown): void {
  ends.push(end)
}

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** Starts a server for one test. */
export async function ownServer(options: RedisOptions = {}): Promise<Redis> {
  const redis = await startRedis({ ...options, own: true })
  atEnd(() => redis.stop())
  return redis
}

/** @returns a client that observes a server independently of the application */
export function observer(url: string): Client {
  const client = new Client(url, { maxRetriesPerRequest: null })
  client.on('error', () => {}) // the server may be down
  atEnd(() => client.disconnect())
  return client
}
