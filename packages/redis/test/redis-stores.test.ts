import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { type RedisStoresOptions, redisStores } from '../src/index.js'

const invalid = (words: string) =>
  expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining(words) })
const ID = { application: 'a', name: 's', partition: 0, token: 1, changelogId: 'log' }

describe('redisStores', () => {
  it.each([
    ['neither a client nor a URL', {}, 'either a client or a url'],
    ['both', { url: 'redis://localhost', client: {} }, 'either a client or a url'],
    ['a client of another library', { client: {} }, 'not a client of ioredis'],
    ['a URL of another protocol', { url: 'amqp://localhost' }, 'redis://host:port'],
    ['no URL', { url: 'localhost:6379' }, 'redis://host:port'],
    ['a timeout of 0', { url: 'redis://localhost', timeout: 0 }, 'timeout is 0'],
    ['a timeout without a unit', { url: 'redis://localhost', timeout: '5' }, 'timeout is "5"'],
    ['a timeout of more than a day', { url: 'redis://localhost', timeout: '25h' }, 'timeout is "25h"'],
    ['half a millisecond', { url: 'redis://localhost', timeout: 0.5 }, 'timeout is 0.5'],
    ['an unknown option', { url: 'redis://localhost', namspace: 'a' }, 'there is no option namspace: use namespace'],
    ['a namespace with separators', { url: 'redis://localhost', namespace: 'a:{b}' }, 'namespace is "a:{b}"'],
  ])('rejects %s', (_, options, words) => {
    expect(() => redisStores(options as unknown as RedisStoresOptions)).toThrow(invalid(words))
  })

  it('does not connect before a store is opened, and opens none after it is disposed of', async () => {
    const stores = redisStores({ url: 'redis://127.0.0.1:1' })
    await stores[Symbol.asyncDispose]()
    await expect(Promise.resolve().then(() => stores.open(ID))).rejects.toMatchObject({ code: 'STORE_CLOSED' })
  })

  it('does not close a client that was passed in', async () => {
    const client = new Redis('redis://127.0.0.1:1', { lazyConnect: true })
    await redisStores({ client })[Symbol.asyncDispose]()
    expect(client.status).toBe('wait')
    client.disconnect()
  })
})
