import type { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { isPossible, observer, ownServer } from './support/servers.js'
import { bytes, ID, put, read, scan, storesOf } from './support/stores.js'

/** The permissions that docs/stores/redis.md grants. Each test omits one of them. */
const COMMANDS = ['eval', 'evalsha', 'hmget', 'hget', 'hset', 'hdel', 'hstrlen', 'hscan', 'unlink', 'info']
const KEYS = '~joinery:{app:*'

describe.skipIf(!isPossible)('a user with few permissions', () => {
  async function setUp(without?: string) {
    const server = await ownServer()
    const redis = observer(server.url)
    const commands = COMMANDS.filter((command) => command !== without).map((command) => `+${command}`)
    await redis.call('ACL', [
      'SETUSER',
      'service',
      'on',
      '>word',
      'resetkeys',
      'resetchannels',
      '-@all',
      KEYS,
      ...commands,
    ])
    const warnings: string[] = []
    const url = server.url.replace('//', '//service:word@')
    return { redis, stores: storesOf({ url, onWarning: (message) => warnings.push(message) }), warnings }
  }

  /** Calls every operation of a store. */
  async function useAll({ stores }: Pick<Awaited<ReturnType<typeof setUp>>, 'stores'>) {
    const store = await stores.open(ID)
    await store.commit([put('a', '1'), { key: bytes('b'), value: null }], 'p')
    expect(await read(store, 'a')).toEqual(['1'])
    expect(await scan(store)).toEqual(['a'])
    await store.clear()
    await store.close()
  }

  it('can use every operation, and causes no denied command', async () => {
    const setup = await setUp()
    await useAll(setup)
    expect(setup.warnings).toEqual([])
    expect(await setup.redis.call('ACL', ['LOG'])).toEqual([])
  })

  it.each(COMMANDS)(
    'needs %s: without it, an operation fails permanently, with an error about permissions',
    async (name) => {
      await expect(useAll(await setUp(name))).rejects.toMatchObject({
        code: 'STORE_FAILED',
        retriable: false,
        message: expect.stringMatching(/NOPERM|can't run this command|no permissions|has no permissions/i),
      })
    },
  )

  it.each(['hget', 'hset', 'hdel', 'hstrlen', 'hscan', 'unlink'])(
    'without %s, which only scripts use, causes an error that names it',
    async (name) => {
      await expect(useAll(await setUp(name))).rejects.toMatchObject({
        message: expect.stringMatching(new RegExp(`the command is ${name};.*docs/stores/redis.md`)),
      })
    },
  )

  it('cannot access the stores of another application', async () => {
    const { stores } = await setUp()
    await expect(stores.open({ ...ID, application: 'other' })).rejects.toMatchObject({
      code: 'STORE_FAILED',
      retriable: false,
      message: expect.stringContaining('NOPERM'),
    })
  })
})

describe.skipIf(!isPossible)('a server that evicts keys', () => {
  it.each(['allkeys-lru', 'volatile-ttl'])('is rejected (%s)', async (policy) => {
    const server = await ownServer({ settings: { 'maxmemory-policy': policy } })
    await expect(storesOf({ url: server.url }).open(ID)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      retriable: false,
      message: expect.stringContaining(`maxmemory-policy is ${policy}`),
    })
  })

  it('is rejected because of CONFIG if INFO does not reveal the policy', async () => {
    const server = await ownServer({ settings: { 'maxmemory-policy': 'allkeys-lru' } })
    await expect(storesOf({ client: silent(server.url, ['info']) }).open(ID)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    })
  })

  it('that does not reveal its policy causes one warning', async () => {
    const server = await ownServer()
    const warnings: string[] = []
    const client = silent(server.url, ['info', 'config'])
    const stores = storesOf({ client, onWarning: (message) => warnings.push(message) })
    for (const name of ['first', 'second']) await stores.open({ ...ID, name })
    expect(warnings).toEqual([expect.stringContaining('noeviction')])
  })

  it('whose policy changes while it is used is rejected at the next opening', async () => {
    const server = await ownServer()
    const stores = storesOf({ url: server.url })
    await stores.open(ID)
    await observer(server.url).config('SET', 'maxmemory-policy', 'allkeys-random')
    await expect(stores.open({ ...ID, token: 2 })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
})

/** A client of a server that forbids some commands, as managed servers do. */
function silent(url: string, forbidden: readonly string[]): Redis {
  const client = observer(url)
  return new Proxy(client, {
    get(target, name) {
      const value = Reflect.get(target, name, target)
      if (name !== 'call') return typeof value === 'function' ? value.bind(target) : value
      return async (command: string, args: string[]) => {
        if (forbidden.includes(command)) throw new Error(`ERR unknown command '${command}'`)
        return target.call(command, args)
      }
    },
  })
}
