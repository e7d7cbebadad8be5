import type { StateStore } from '@joinery/core/store'
import { describe, expect, it } from 'vitest'
import { isPossible, observer, ownServer } from './support/servers.js'
import { bytes, ID, KEY, put, read, scan, storesOf } from './support/stores.js'
import { Switch } from './support/switch.js'

const behind = expect.objectContaining({ code: 'STORE_BEHIND', retriable: true, topic: 'rows', partition: 0 })

const attempt = (call: () => Promise<unknown>) => call().catch((error) => error.code)

/** Every operation. Each has to detect a loss by itself. */
const calls: Record<string, (store: StateStore) => Promise<unknown>> = {
  getMany: (store) => read(store, 'a'),
  'getMany of a row that never was': (store) => read(store, 'never'),
  'getMany of nothing': async (store) => store.getMany([]),
  commit: async (store) => store.commit([put('b', '2')], 'q'),
  'an empty commit': async (store) => store.commit([], 'q'),
  clear: async (store) => store.clear(),
  entries: (store) => scan(store),
}

describe.skipIf(!isPossible)('a server', () => {
  it.each(Object.entries(calls))('that loses everything is detected by %s, which writes nothing', async (_, call) => {
    const server = await ownServer()
    const store = await storesOf({ url: server.url }).open(ID)
    await store.commit([put('a', '1')], 'p')
    const redis = observer(server.url)
    await redis.flushall()
    await expect(call(store)).rejects.toThrow(behind)
    await expect(call(store)).rejects.toThrow(behind)
    expect(await redis.keys('*')).toEqual([])
  })

  it('that loses everything is empty for the next owner, and works again', async () => {
    const server = await ownServer()
    const stores = storesOf({ url: server.url })
    const store = await stores.open(ID)
    await store.commit([put('a', '1')], 'p')
    await observer(server.url).flushall()
    const next = await stores.open({ ...ID, token: 2 })
    expect(next.position).toBeUndefined()
    expect(await read(next, 'a')).toEqual([undefined])
    await next.commit([put('a', '1')], 'p')
    expect(await read(next, 'a')).toEqual(['1'])
    await expect(read(store, 'a')).rejects.toMatchObject({ code: 'STORE_FENCED', retriable: true })
  })

  it('from which a row is deleted by hand is not detected, as the page says; a deleted key is', async () => {
    const server = await ownServer()
    const store = await storesOf({ url: server.url }).open(ID)
    await store.commit([put('a', '1'), put('b', '1')], 'p')
    const redis = observer(server.url)
    await redis.hdel(KEY, 'a')
    expect(await read(store, 'a', 'b')).toEqual([undefined, '1'])
    await redis.unlink(KEY)
    await expect(read(store, 'b')).rejects.toThrow(behind)
  })

  it('that restarts empty is detected', async () => {
    const server = await ownServer()
    const store = await storesOf({ url: server.url }).open(ID)
    await store.commit([put('a', '1')], 'p')
    await server.kill()
    await server.restart()
    await expect.poll(() => read(store, 'a').catch((error) => error.code)).toBe('STORE_BEHIND')
  })

  it('that keeps every write across a restart continues to work', async () => {
    const server = await ownServer({ settings: { appendonly: 'yes', appendfsync: 'always' } })
    const store = await storesOf({ url: server.url }).open(ID)
    await store.commit([put('a', '1')], 'p')
    await server.kill()
    await server.restart()
    await expect.poll(() => read(store, 'a').catch((error) => error.code)).toEqual(['1'])
    await store.commit([put('a', '2')], 'q')
    expect(await read(store, 'a')).toEqual(['2'])
  })

  it.each(Object.entries(calls))('that restarts with an older state is detected by %s', async (_, call) => {
    const server = await ownServer({ settings: { dbfilename: 'dump.rdb' } })
    const redis = observer(server.url)
    const store = await storesOf({ url: server.url }).open(ID)
    await store.commit([put('a', '1')], 'p')
    await redis.save()
    await store.commit([put('a', '2')], 'q')
    await server.kill()
    await server.restart()
    expect(await redis.hget(KEY, 'a')).toBe('1')
    await expect.poll(() => call(store).catch((error) => error.code)).toBe('STORE_BEHIND')
    const next = await storesOf({ url: server.url }).open({ ...ID, token: 2 })
    expect(next.position).toBe('p')
    expect(await read(next, 'a')).toEqual(['1'])
  })

  it('that restarts with the state before this owner is detected', async () => {
    const server = await ownServer({ settings: { dbfilename: 'dump.rdb' } })
    const stores = storesOf({ url: server.url })
    const first = await stores.open(ID)
    await first.commit([put('a', '1')], 'p')
    await observer(server.url).save()
    const second = await stores.open({ ...ID, token: 2 })
    await second.commit([put('a', '2')], 'q')
    await server.kill()
    await server.restart()
    await expect.poll(() => read(second, 'a').catch((error) => error.code)).toBe('STORE_BEHIND')
  })

  it('that is replaced during a scan by one with another order of rows yields each row once', async () => {
    const [master, replica] = [await ownServer(), await ownServer()]
    const way = await Switch.to(master)
    try {
      const store = await storesOf({ url: way.url }).open(ID)
      const keys = Array.from({ length: 5_000 }, (_, i) => `key ${i}`)
      await store.commit(
        keys.map((key) => put(key, 'x'.repeat(200))),
        'p',
      )
      const copy = observer(replica.url)
      await copy.replicaof(master.peer.host, master.peer.port)
      await expect.poll(() => copy.hlen(KEY)).toBe(keys.length + 3) // the mark, the position and the bytes
      await copy.replicaof('NO', 'ONE')
      const found: string[] = []
      for await (const [key] of store.entries()) {
        found.push(Buffer.from(key).toString())
        if (found.length === 1_000) {
          await master.kill()
          way.turn(replica)
        }
      }
      expect(found.sort()).toEqual(keys.sort())
    } finally {
      await way.close()
    }
  })

  it('that hangs causes a timeout, and works again afterwards', async () => {
    const server = await ownServer()
    const store = await storesOf({ url: server.url, timeout: '300ms' }).open(ID)
    await store.commit([put('a', '1')], 'p')
    await server.pause()
    const late = expect.objectContaining({
      code: 'STORE_FAILED',
      retriable: true,
      message: expect.stringContaining('no reply within 300 ms'),
    })
    for (let i = 0; i < 3; i++) {
      const began = performance.now()
      await expect(store.commit([put('a', '2')], 'q')).rejects.toThrow(late)
      await expect(read(store, 'a')).rejects.toThrow(late)
      expect(performance.now() - began).toBeLessThan(5_000)
    }
    await server.resume()
    await expect.poll(async () => attempt(async () => store.commit([put('a', '3')], 'r'))).toBeUndefined()
    expect(await read(store, 'a')).toEqual(['3'])
    expect(store.position).toBe('r')
  })

  it('that cannot be reached causes a retriable error with the reason', async () => {
    const server = await ownServer()
    await server.kill()
    const stores = storesOf({ url: server.url, timeout: '500ms' })
    await expect(stores.open(ID)).rejects.toMatchObject({
      code: 'STORE_FAILED',
      retriable: true,
      message: expect.stringContaining('ECONNREFUSED'),
    })
    await server.restart()
    await expect.poll(async () => (await stores.open(ID)).position, { timeout: 10_000 }).toBeUndefined()
  })

  it('that has no memory left keeps its contents, and accepts the commit once it has memory', async () => {
    const server = await ownServer()
    const redis = observer(server.url)
    const store = await storesOf({ url: server.url }).open(ID)
    await store.commit([put('a', '1'), put('b', '1')], 'p')
    await redis.config('SET', 'maxmemory', '1')
    const changes = [put('a', '2'), { key: bytes('b'), value: null }]
    await expect(store.commit(changes, 'q')).rejects.toMatchObject({
      code: 'STORE_FAILED',
      retriable: true,
      message: expect.stringContaining('OOM'),
    })
    expect(await read(store, 'a', 'b')).toEqual(['1', '1'])
    await redis.config('SET', 'maxmemory', '0')
    await store.commit(changes, 'q')
    expect(await read(store, 'a', 'b')).toEqual(['2', undefined])
  })
})

describe.skipIf(!isPossible)('a store of a version that did not count bytes', () => {
  it('has no position, so that it is rebuilt', async () => {
    const server = await ownServer()
    const stores = storesOf({ url: server.url })
    await (await stores.open(ID)).commit([put('a', '1')], 'p')
    await observer(server.url).hdel(KEY, '\0b')
    const store = await stores.open({ ...ID, token: 2 })
    expect([store.position, store.storedBytes]).toEqual([undefined, 0])
    await store.clear()
    await store.commit([put('b', '22')], 'q')
    expect([store.position, store.storedBytes]).toEqual(['q', 3])
  })
})
