import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { Redis as Redis5 } from 'ioredis-5'
import { describe, expect, it } from 'vitest'
import { blockingCommandOf, clientModeAdvice } from '../src/client-use.js'
import { databaseOf } from '../src/connection.js'
import { type RedisClient, redisStores } from '../src/index.js'

const lazy = (options: RedisOptions): Redis => new Redis({ ...options, lazyConnect: true } as { lazyConnect: true })
const refused = (words: string) =>
  expect.objectContaining({ code: 'OPTION_INVALID', retriable: false, message: expect.stringContaining(words) })

describe('a client', () => {
  it.each([
    ['automatic pipelines', { enableAutoPipelining: true }, 'disable enableAutoPipelining'],
    ['the role of a replica', { role: 'slave' }, "set role of the client to 'master'"],
    ['a database that is no number', { db: Number.NaN }, 'db of the client is not a number'],
    ['MONITOR', { monitor: true }, 'monitor mode'],
  ] as const)('with %s is refused', (_, options, words) => {
    const client = lazy(options as RedisOptions)
    expect(() => redisStores({ client })).toThrow(refused(words))
    client.disconnect()
  })

  it('of ioredis 5 with automatic pipelines is refused', () => {
    const client = new Redis5({ enableAutoPipelining: true, lazyConnect: true }) as unknown as RedisClient
    expect(() => redisStores({ client })).toThrow(refused('enableAutoPipelining'))
  })

  it('for a cluster is refused for each wrong option, all in one error', () => {
    const client = new Cluster([], { scaleReads: 'slave', enableAutoPipelining: true, lazyConnect: true })
    expect(() => redisStores({ client })).toThrow(
      expect.objectContaining({
        problems: ['disable enableAutoPipelining of the client', "set scaleReads of the cluster to 'master'"],
      }),
    )
    client.disconnect()
  })

  it('for a cluster that reads from masters is accepted', async () => {
    for (const options of [{}, { scaleReads: 'master' }] as const) {
      const client = new Cluster([], { ...options, lazyConnect: true })
      await redisStores({ client })[Symbol.asyncDispose]()
      client.disconnect()
    }
  })

  it('with other options is accepted', async () => {
    for (const options of [{}, { role: 'master' }, { db: 3 }, { enableAutoPipelining: false }] as const)
      await redisStores({ client: lazy(options) })[Symbol.asyncDispose]()
  })
})

describe('the database of a client', () => {
  it('is that of its options, until another was selected', () => {
    expect(databaseOf(lazy({}))).toBe(0)
    expect(databaseOf(lazy({ db: 5 }))).toBe(5)
    const selected = Object.assign(lazy({ db: 5 }), { condition: { select: 7 } })
    expect(databaseOf(selected as unknown as RedisClient)).toBe(7)
  })

  it('is 0 for a cluster', () => {
    const client = new Cluster([], { lazyConnect: true, redisOptions: { db: 5 } })
    expect(databaseOf(client)).toBe(0)
    client.disconnect()
  })
})

describe('a command that blocks others', () => {
  const waitsFor = (name: string, ...args: unknown[]) =>
    blockingCommandOf({ commandQueue: { peekFront: () => ({ command: { name, args } }) } } as unknown as RedisClient)

  it.each(['blpop', 'brpop', 'brpoplpush', 'blmove', 'blmpop', 'bzpopmin', 'bzpopmax', 'bzmpop', 'wait', 'waitaof'])(
    '%s is known',
    (name) => expect(waitsFor(name, 'jobs', 0)).toBe(name.toUpperCase()),
  )

  it('is also a read of a stream, with the option BLOCK', () => {
    expect(waitsFor('xread', 'BLOCK', 0, 'STREAMS', 's', '$')).toBe('XREAD')
    expect(waitsFor('xreadgroup', Buffer.from('block'), '0')).toBe('XREADGROUP')
    expect(waitsFor('xread', 'STREAMS', 'blocked', '$')).toBeUndefined()
  })

  it.each(['hmget', 'evalsha', 'bitcount', 'lpop', 'blockade', 'xreader'])('%s is not one', (name) =>
    expect(waitsFor(name, 'block')).toBeUndefined(),
  )

  it('is not known without a command that waits, or for a cluster', () => {
    expect(blockingCommandOf(lazy({}))).toBeUndefined()
    expect(blockingCommandOf({} as RedisClient)).toBeUndefined()
  })
})

describe('errors of a client in another mode', () => {
  it.each([
    ['Connection in subscriber mode, only subscriber commands may be used', 'does not subscribe'],
    ["Connection is in monitoring mode, can't process commands.", 'does not monitor'],
  ])('%s', (message, words) => expect(clientModeAdvice(message)).toContain(words))

  it('other errors mean nothing of that kind', () => expect(clientModeAdvice('Connection is closed.')).toBeUndefined())
})
