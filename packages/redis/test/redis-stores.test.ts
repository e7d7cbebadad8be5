import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { type RedisStoresOptions, redisStores } from '../src/index.js'

const invalid = (words: string) =>
  expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining(words) })
const ID = { application: 'a', name: 's', partition: 0, token: 1, changelogId: 'log' }

describe('redisStores', () => {
  it.each([
    ['neither a client nor a URL', {}, 'a client or a url'],
    ['both', { url: 'redis://localhost', client: {} }, 'a client or a url'],
    ['a client of something else', { client: {} }, 'no client of ioredis'],
    ['a URL of something else', { url: 'amqp://localhost' }, 'redis://host:port'],
    ['no URL', { url: 'localhost:6379' }, 'redis://host:port'],
    ['a time-out of no time', { url: 'redis://localhost', timeoutMs: 0 }, 'timeoutMs is 0'],
    ['half a millisecond', { url: 'redis://localhost', timeoutMs: 0.5 }, 'timeoutMs is 0.5'],
    ['a namespace that would break out', { url: 'redis://localhost', namespace: 'a:{b}' }, 'namespace is "a:{b}"'],
  ])('refuses %s', (_, options, words) => {
    expect(() => redisStores(options as unknown as RedisStoresOptions)).toThrow(invalid(words))
  })

  it('connects nowhere before a store is opened, and opens none once it was disposed of', async () => {
    const stores = redisStores({ url: 'redis://127.0.0.1:1' })
    await stores[Symbol.asyncDispose]()
    await expect(Promise.resolve().then(() => stores.open(ID))).rejects.toMatchObject({ code: 'STORE_CLOSED' })
  })

  it('leaves a client alone that was handed in', async () => {
    const client = new Redis('redis://127.0.0.1:1', { lazyConnect: true })
    await redisStores({ client })[Symbol.asyncDispose]()
    expect(client.status).toBe('wait')
    client.disconnect()
  })
})
