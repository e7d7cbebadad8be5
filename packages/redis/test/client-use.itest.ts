import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis-5'
import { describe, expect, it } from 'vitest'
import type { RedisClient } from '../src/index.js'
import { TrialApplication } from './support/application.js'
import { atEnd, isPossible, ownServer } from './support/servers.js'
import { ID, put, read, storesOf } from './support/stores.js'

const versions: Record<string, (url: string, options?: { protocol?: 2 }) => Redis> = {
  'ioredis 6': (url, options = {}) => new Redis(url, options),
  'ioredis 5': (url) => new Redis5(url) as unknown as Redis,
}

const refused = (words: string) =>
  expect.objectContaining({ code: 'OPTION_INVALID', retriable: false, message: expect.stringContaining(words) })

describe.skipIf(!isPossible).each(Object.entries(versions))(
  'a client that is also used for something else (%s)',
  (_, connect) => {
    async function setUp(options?: { protocol?: 2 }) {
      const server = await ownServer()
      const client = connect(server.url, options)
      client.on('error', () => {})
      atEnd(() => client.disconnect())
      return { client, stores: storesOf({ client: client as RedisClient, timeout: '300ms' }) }
    }

    it('for BRPOP is refused when that has blocked it', async () => {
      const { client, stores } = await setUp()
      const store = await stores.open(ID)
      await store.commit([put('a', '1')], 'p')
      client.brpop('jobs', 0).catch(() => {})
      for (const call of [read(store, 'a'), store.commit([put('a', '2')], 'q'), stores.open({ ...ID, token: 2 })])
        await expect(call).rejects.toThrow(
          refused('the client waits for BRPOP; pass a client that runs no blocking commands'),
        )
    })

    it('for BRPOP ends the application', async () => {
      const { client, stores } = await setUp()
      const application = await TrialApplication.on(stores)
      await application.inform('first', 0, 20)
      client.brpop('jobs', 0).catch(() => {})
      await application.sendRows('second', 0, 20)
      await expect(application.ended).resolves.toMatchObject(refused('BRPOP'))
    })

    it('for a blocking command that ends in time is usable', async () => {
      const { client, stores } = await setUp()
      const store = await stores.open(ID)
      const popped = client.brpop('jobs', 0.1)
      await store.commit([put('a', '1')], 'p')
      expect(await popped).toBeNull()
    })

    it('for subscriptions is refused, at the start and later', async () => {
      const { client, stores } = await setUp({ protocol: 2 })
      const store = await stores.open(ID)
      await client.subscribe('news')
      await expect(read(store, 'a')).rejects.toMatchObject({
        code: 'STORE_FAILED',
        retriable: false,
        message: expect.stringContaining('pass a client that does not subscribe'),
      })
      await expect(stores.open({ ...ID, token: 2 })).rejects.toThrow(refused('it is in subscriber mode'))
      expect(() => storesOf({ client: client as RedisClient })).toThrow(refused('it is in subscriber mode'))
    })

    it('for MULTI without a pipeline is refused', async () => {
      const { client, stores } = await setUp()
      const store = await stores.open(ID)
      await client.multi({ pipeline: false })
      await expect(read(store, 'a')).rejects.toThrow(refused('a client that is used without MULTI'))
      await client.discard()
      expect(await read(store, 'a')).toEqual([undefined])
    })
  },
)

describe.skipIf(!isPossible)('a client that subscribes with RESP 3', () => {
  it('is usable', async () => {
    const server = await ownServer()
    const client = new Redis(server.url)
    atEnd(() => client.disconnect())
    await client.subscribe('news')
    const store = await storesOf({ client }).open(ID)
    await store.commit([put('a', '1')], 'p')
    expect(await read(store, 'a')).toEqual(['1'])
  })
})
