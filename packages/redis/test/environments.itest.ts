import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { redisStores } from '../src/index.js'
import { MAX_CHANGELOGS } from '../src/scripts/open.js'
import { TrialApplication } from './support/application.js'
import { atEnd, isPossible, observer, ownServer } from './support/servers.js'
import { bytes, ID, KEY, put, read, scan, storesOf } from './support/stores.js'

const invalid = (...words: readonly string[]) =>
  expect.objectContaining({
    code: 'OPTION_INVALID',
    retriable: false,
    message: expect.stringMatching(words.map((word) => `(?=.*${word})`).join('')),
  })

describe.skipIf(!isPossible)('a database', () => {
  it.each([
    ['a URL', (url: string) => ({ url: `${url}/5` })],
    ['a client', (url: string) => ({ client: quiet(new Redis(url, { db: 5 })) })],
  ])('that the server does not have is refused, for %s, and nothing is written to database 0', async (_, options) => {
    const server = await ownServer({ settings: { databases: 2 } })
    await expect(storesOf(options(server.url)).open(ID)).rejects.toMatchObject({
      code: 'STORE_FAILED',
      retriable: false,
      message: expect.stringMatching(/DB index is out of range.*does not have this database/),
    })
    expect(await observer(server.url).dbsize()).toBe(0)
  })

  it('that exists is used, and needs the right to SELECT', async () => {
    const server = await ownServer()
    const store = await storesOf({ url: `${server.url}/5` }).open(ID)
    await store.commit([put('a', '1')], 'p')
    expect(await read(store, 'a')).toEqual(['1'])
    expect(await scan(store)).toEqual(['a'])
    const redis = observer(server.url)
    expect(await redis.dbsize()).toBe(0)
    await redis.select(5)
    expect(await redis.keys('*')).toEqual([KEY])
  })

  it('that the connection has not selected is selected when the store is opened', async () => {
    const server = await ownServer()
    const client = quiet(new Redis(server.url, { db: 5 }))
    const stores = storesOf({ client })
    const first = await stores.open(ID)
    await first.commit([put('a', '1')], 'p')
    // as after a failed SELECT: the client takes database 5 for selected
    await client.select(0)
    Object.assign((client as unknown as { condition: object }).condition, { select: 5 })
    await expect(read(first, 'a')).rejects.toMatchObject({ code: 'STORE_BEHIND' })
    const second = await stores.open({ ...ID, token: 2 })
    expect([second.position, await read(second, 'a')]).toEqual(['p', ['1']])
    expect(await observer(server.url).dbsize()).toBe(0)
  })

  it('is not selected in place of database 0', async () => {
    const server = await ownServer()
    const redis = observer(server.url)
    await redis.call('ACL', ['SETUSER', 'default', '-select'])
    await (await storesOf({ url: server.url }).open(ID)).commit([put('a', '1')], 'p')
    await expect(storesOf({ url: `${server.url}/1` }).open(ID)).rejects.toMatchObject({ retriable: false })
  })

  it.each(['abc', '-1', '1/2', '1x'])('%s in a URL is refused', (database) => {
    expect(() => redisStores({ url: `redis://127.0.0.1:1/${database}` })).toThrow(invalid('number of a database'))
  })

  it('is optional in a URL', async () => {
    for (const end of ['', '/', '/0', '/15'])
      await redisStores({ url: `redis://127.0.0.1:1${end}` })[Symbol.asyncDispose]()
  })
})

describe.skipIf(!isPossible)('two changelogs', () => {
  const [A, B, C] = ['changelog-a', 'changelog-b', 'changelog-c']

  async function setUp() {
    const server = await ownServer()
    const stores = storesOf({ url: server.url })
    let token = 0
    const open = async (changelogId: string) => stores.open({ ...ID, changelogId, token: ++token })
    return { open, redis: observer(server.url) }
  }
  const taken = invalid('store rows\\[0\\]', 'its own namespace', `delete the key ${KEY.replace(/[{}]/g, '\\$&')}`)

  it('of which one was created again: it gets the store, as often as it is', async () => {
    const { open } = await setUp()
    for (let i = 0; i < MAX_CHANGELOGS * 2; i++) {
      const store = await open(`changelog-${i}`)
      await store.commit([put('a', String(i))], `p${i}`)
      expect(await read(store, 'a')).toEqual([String(i)])
    }
  })

  it('in use: the earlier one gets the store back, and the later one is refused from then on', async () => {
    const { open } = await setUp()
    await open(A)
    await open(B)
    const store = await open(A)
    for (let i = 0; i < 3; i++) await expect(open(B)).rejects.toThrow(taken)
    await store.commit([put('a', '1')], 'p')
    expect(await read(store, 'a')).toEqual(['1'])
    const next = await open(A)
    expect(next.position).toBe('p')
  })

  it('in use: clearing the store changes nothing about it', async () => {
    const { open } = await setUp()
    await open(A)
    await open(B)
    const store = await open(A)
    await store.clear()
    await expect(open(B)).rejects.toThrow(taken)
    await store.commit([put('a', '1')], 'p')
    expect([await scan(store), store.storedBytes]).toEqual([['a'], 2])
  })

  it('in use: a third one that is new gets the store, and loses it to the first', async () => {
    const { open } = await setUp()
    await open(A)
    await open(B)
    await open(A)
    await open(C)
    await expect(open(B)).resolves.toBeDefined() // it was here before the third
    await open(A)
    for (const later of [B, C]) await expect(open(later)).rejects.toThrow(taken)
  })

  it('in use: the key can be deleted, and then the other one has the store', async () => {
    const { open, redis } = await setUp()
    await open(A)
    await open(B)
    await open(A)
    await redis.unlink(KEY)
    await open(B)
    await open(A)
    await expect(open(A)).resolves.toBeDefined()
  })

  it('in use: the owner is never forgotten for another one, however many there have been', async () => {
    const { open } = await setUp()
    await open(A)
    for (let i = 0; i < MAX_CHANGELOGS * 2; i++) {
      await open(`changelog-${i}`)
      await open(A)
    }
    await expect(open(`changelog-${MAX_CHANGELOGS * 2 - 1}`)).rejects.toThrow(taken)
  })

  it('are remembered only if there are two', async () => {
    const { open, redis } = await setUp()
    await open(A)
    await open(A)
    expect(await redis.hget(KEY, '\0c')).toBeNull()
    await open(B)
    expect(await redis.hget(KEY, '\0c')).toBe(JSON.stringify([A, B]))
  })

  it('are not remembered by a store that a former version has written', async () => {
    const { open, redis } = await setUp()
    const first = await open(A)
    await first.commit([put('a', '1'), { key: bytes('b'), value: null }], 'p')
    expect((await redis.hkeys(KEY)).sort()).toEqual(['\0b', '\0m', '\0p', 'a'])
    await open(B)
    await expect(read(first, 'a')).rejects.toMatchObject({
      code: 'STORE_FENCED',
      retriable: true,
      message: expect.stringMatching(/was opened for another changelog.*give each its own namespace/),
    })
  })

  it('of two environments: the first continues, and the second stops with an error that names the namespace', async () => {
    const server = await ownServer()
    const stores = () => storesOf({ url: server.url, timeout: '500ms' })
    const [production, staging] = [await TrialApplication.on(stores()), new TrialApplication(stores())]
    await production.inform('production', 0, 50)
    await production.activate(25, 75)
    await staging.start().catch(() => {}) // may be refused before it is ready
    await staging.sendRows('staging', 0, 20).catch(() => {})
    await production.activate(0, 50)
    await staging.sendEvents(0, 20).catch(() => {})
    await expect(staging.ended).resolves.toMatchObject(invalid('namespace'))
    await production.inform('production, later', 40, 75)
    await production.activate(0, 75)
    await production.check()
    expect(production.reopened.length + production.retried.length).toBeLessThan(20)
    expect([...production.reopened, ...production.retried].join()).toMatch(/namespace/)
  })

  it('of two environments with their own namespaces do not meet', async () => {
    const server = await ownServer()
    const [one, other] = await Promise.all(
      ['one', 'other'].map((namespace) => TrialApplication.on(storesOf({ url: server.url, namespace }))),
    )
    for (const application of [one, other]) await application?.inform('row', 0, 50)
    for (const application of [one, other]) await application?.activate(0, 50)
    for (const application of [one, other]) await application?.check()
    expect([one?.failures, other?.failures]).toEqual([[], []])
  })
})

function quiet(client: Redis): Redis {
  client.on('error', () => {})
  atEnd(() => client.disconnect())
  return client
}
