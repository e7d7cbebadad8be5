import type { StateStores } from '@joinery/core'
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis-5'
import { describe, expect, it } from 'vitest'
import type { RedisClient } from '../src/index.js'
import { atEnd, isPossible, observer, ownServer } from './support/servers.js'
import { bytes, ID, KEY, put, read, scan, storesOf } from './support/stores.js'
import { Switch } from './support/switch.js'

const versions: Record<string, (url: string) => RedisClient> = {
  'ioredis 6': (url) => new Redis(url),
  'ioredis 5': (url) => new Redis5(url) as unknown as RedisClient,
}

/** @returns how often the server has run a script */
const runs = async (redis: Redis) =>
  Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)

describe.skipIf(!isPossible).each(Object.entries(versions))('a command whose reply is lost (%s)', (_, connect) => {
  async function setUp() {
    const server = await ownServer()
    const way = await Switch.to(server)
    atEnd(() => way.close())
    const client = connect(way.url)
    client.on('error', () => {})
    atEnd(() => client.disconnect())
    return { redis: observer(server.url), way, stores: storesOf({ client }) }
  }

  /** Opens a store, and loads all scripts into the server. */
  async function warm(stores: StateStores) {
    const store = await stores.open({ ...ID, token: 0 })
    await store.commit([put('a', '1'), put('b', '1')], 'o')
    await store.clear()
    await store.commit([put('a', '1'), put('b', '1')], 'p')
    return store
  }

  it('takes effect once although the client sends it again: a commit', async () => {
    const { redis, way, stores } = await setUp()
    const store = await warm(stores)
    const before = await runs(redis)
    way.loseAnswer()
    await store.commit([put('a', '2'), { key: bytes('b'), value: null }], 'q')
    expect(await runs(redis)).toBe(before + 2)
    expect(await read(store, 'a', 'b')).toEqual(['2', undefined])
    await store.commit([put('a', '3')], 'r')
    expect(await read(store, 'a')).toEqual(['3'])
  })

  it('takes effect once although the client sends it again: clear', async () => {
    const { redis, way, stores } = await setUp()
    const store = await warm(stores)
    const before = await runs(redis)
    way.loseAnswer()
    await store.clear()
    expect(await runs(redis)).toBe(before + 2)
    expect(await scan(store)).toEqual([])
    await store.commit([put('a', '3')], 'r')
    expect(await read(store, 'a')).toEqual(['3'])
  })

  it('takes effect once although the client sends it again: open', async () => {
    const { redis, way, stores } = await setUp()
    await warm(stores)
    const before = await runs(redis)
    way.loseAnswer()
    const store = await stores.open(ID)
    expect(await runs(redis)).toBe(before + 2)
    expect(store.position).toBe('p')
    expect(await read(store, 'a')).toEqual(['1'])
  })
})

describe.skipIf(!isPossible)('a command that arrives again, much later', () => {
  it('changes nothing, whatever it is', async () => {
    const server = await ownServer()
    const sent: [string, (string | Buffer)[]][] = []
    const client = new Redis(server.url)
    atEnd(() => client.disconnect())
    const recording = new Proxy(client, {
      get(target, name) {
        const value = Reflect.get(target, name, target)
        if (name !== 'callBuffer') return typeof value === 'function' ? value.bind(target) : value
        return (command: string, args: (string | Buffer)[]) => {
          sent.push([command, args])
          return target.callBuffer(command, args)
        }
      },
    })
    const stores = storesOf({ client: recording })
    const first = await stores.open(ID)
    await first.commit([put('a', '1'), put('late', '1')], 'p')
    await first.clear()
    const second = await stores.open({ ...ID, token: 2 })
    await second.commit([put('a', '2')], 'q')
    await second.clear()
    await second.commit([put('a', '3'), put('b', '3')], 'r')
    await second.commit([{ key: bytes('b'), value: null }], 's')
    const redis = observer(server.url)
    const before = await redis.hgetall(KEY)
    for (const [command, args] of [...sent, ...sent.reverse()])
      if (command === 'eval' || command === 'evalsha') await client.callBuffer(command, args).catch(() => {})
    expect(await redis.hgetall(KEY)).toEqual(before)
    expect([await scan(second), second.position]).toEqual([['a'], 's'])
  })
})
