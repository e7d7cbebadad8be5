import { stateStoreSuite } from '@joinery/core/testing'
import { Cluster } from 'ioredis'
import { Cluster as Cluster5 } from 'ioredis-5'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Redis, startRedis } from '../../testbed/src/index.js'
import { type RedisClient, redisStores } from '../src/index.js'
import { TrialApplication } from './support/application.js'
import { addAllSlots } from './support/cluster-slots.js'
import { isPossible, observer } from './support/servers.js'
import { ID, put, read, storesOf } from './support/stores.js'

describe.skipIf(!isPossible)('a server of a cluster', () => {
  let server: Redis
  const clients: RedisClient[] = []
  const connect = (version: 5 | 6 = 6): RedisClient => {
    const startup = [{ host: '127.0.0.1', port: Number(new URL(server.url).port) }]
    const client = version === 6 ? new Cluster(startup) : (new Cluster5(startup) as unknown as RedisClient)
    clients.push(client)
    return client
  }

  beforeAll(async () => {
    server = await startRedis({
      own: true,
      settings: { 'cluster-enabled': 'yes', 'cluster-announce-ip': '127.0.0.1' },
    })
    const redis = observer(server.url)
    await addAllSlots(redis)
    redis.disconnect()
  })
  afterAll(async () => {
    for (const client of clients) client.disconnect()
    await server?.stop()
  })

  for (const version of [6, 5] as const) {
    let client: RedisClient | undefined
    stateStoreSuite(
      { describe, it },
      `redisStores with a cluster of ioredis ${version}`,
      (place) => {
        client ??= connect(version)
        return redisStores({ client, namespace: `cluster-${version}-${place}` })
      },
      { seeds: [1] },
    )
  }

  it('has all stores of a task in one hash slot, and tasks in different ones', async () => {
    const stores = storesOf({ client: connect(), namespace: 'slots' })
    const redis = observer(server.url)
    for (const application of ['a', 'a{b}', 'ü:{', '}'])
      for (let partition = 0; partition < 20; partition++)
        for (const name of ['rows', '$waiters', '{x}', '}{', ''])
          await stores.open({ ...ID, application, name, partition })
    const keys = await redis.keys('slots:*')
    expect(keys).toHaveLength(4 * 20 * 5)
    const slots = new Map<string, Set<number>>()
    for (const key of keys) {
      const task = key.slice(0, key.lastIndexOf(':'))
      slots.set(task, (slots.get(task) ?? new Set()).add((await redis.cluster('KEYSLOT', key)) as number))
    }
    expect([...slots.values()].map(({ size }) => size)).toEqual(Array(4 * 20).fill(1))
    expect(new Set([...slots.values()].flatMap((set) => [...set])).size).toBeGreaterThan(4 * 20 * 0.9)
  })

  it('runs an application', async () => {
    const application = await TrialApplication.on(storesOf({ client: connect(), namespace: 'run' }))
    await application.inform('first', 0, 100)
    await application.activate(0, 200)
    await application.inform('second', 50, 150)
    await application.check()
  })

  it('reports that it has lost everything', async () => {
    const store = await storesOf({ client: connect(), namespace: 'flushed' }).open(ID)
    await store.commit([put('a', '1')], 'p')
    await observer(server.url).flushall()
    await expect(read(store, 'a')).rejects.toMatchObject({ code: 'STORE_BEHIND' })
  })

  it('is rejected if its client reads from replicas, or pipelines commands by the wrong key', () => {
    for (const options of [{ scaleReads: 'slave' }, { scaleReads: 'all' }, { enableAutoPipelining: true }] as const) {
      const client = new Cluster(['redis://127.0.0.1:1'], { ...options, lazyConnect: true })
      expect(() => redisStores({ client })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
      client.disconnect()
    }
  })
})
