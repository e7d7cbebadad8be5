import type { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import type { Redis as Server } from '../../testbed/src/index.js'
import { TrialApplication } from './support/application.js'
import { isPossible, observer, ownServer } from './support/servers.js'
import { storesOf } from './support/stores.js'

const KEYS = 600
const STEPS = 60

/** What can happen to a server at any time. */
const failures: readonly ((server: Server, redis: Redis) => Promise<unknown>)[] = [
  (_, redis) => redis.flushall(),
  (_, redis) => redis.script('FLUSH'),
  (_, redis) => redis.call('CLIENT', ['KILL', 'TYPE', 'normal', 'SKIPME', 'yes']),
  (_, redis) => redis.save(),
  async (server) => {
    await server.kill()
    await server.restart()
  },
  async (server, redis) => {
    await redis.save()
    await server.kill()
    await server.restart()
  },
  async (_, redis) => {
    await redis.config('SET', 'maxmemory', '1')
    await redis.ping()
    await redis.config('SET', 'maxmemory', '0')
  },
  async (_, redis) => {
    const [victim] = await redis.keys('*')
    if (victim !== undefined) await redis.unlink(victim)
  },
]

describe.skipIf(!isPossible)('an application whose server fails repeatedly', () => {
  it.each([1, 2, 3])('writes each output once (seed %i)', async (seed) => {
    const random = randomOf(seed)
    const below = (limit: number) => Math.floor(random() * limit)
    const server = await ownServer()
    const redis = observer(server.url)
    const application = await TrialApplication.on(storesOf({ url: server.url, timeout: '500ms' }))
    let informed = 0
    for (let step = 0; step < STEPS; step++) {
      const from = below(KEYS - 50)
      await application.sendEvents(from, from + below(50))
      // the row of a key never changes, so that it does not matter when it is read
      const next = Math.min(KEYS, informed + below(25))
      await application.sendRows('only', informed, next)
      informed = next
      if (below(3) === 0) await failures[below(failures.length)]?.(server, redis)
    }
    await application.sendRows('only', informed, KEYS)
    await application.check()
    expect(application.failures).not.toEqual([])
  })
})

/** @returns a generator of numbers that depend only on the seed (mulberry32) */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
