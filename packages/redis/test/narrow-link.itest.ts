import { randomBytes } from 'node:crypto'
import type { StateStore } from '@joinery/core/store'
import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { type NarrowLink, narrowLink } from './support/narrow-link.js'
import { atEnd, isPossible, observer, ownServer } from './support/servers.js'
import { ID, KEY, put, read, scan, storesOf } from './support/stores.js'

const MEGA = 1_000_000
const TIMEOUT = 500
const MAX_ATTEMPTS = 50

/** Repeats a call that times out, as a task does, until it succeeds. */
async function persist(call: () => Promise<unknown>): Promise<void> {
  for (let attempts = MAX_ATTEMPTS; ; attempts--) {
    const error = await errorOf(call)
    if (error === undefined) return
    expect(error).toMatchObject({ code: 'STORE_FAILED', retriable: true })
    expect(error.message).toContain('no reply within')
    if (attempts === 0) throw error
  }
}

const errorOf = (call: () => Promise<unknown>): Promise<Error | undefined> =>
  call().then(
    () => undefined,
    (error: Error) => error,
  )

async function reads(redis: Redis): Promise<number> {
  return Number(/cmdstat_hmget:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)
}

describe.skipIf(!isPossible)('a link that is too narrow for a batch', () => {
  const names = Array.from({ length: 120 }, (_, i) => `key ${i}`)
  const value = randomBytes(25_000).toString('hex')

  /** A store with 120 rows of 50 kB, by a wide link, and then the same store by a narrow one. */
  async function setUp(bytesPerSecond = 4 * MEGA): Promise<{ store: StateStore; link: NarrowLink; redis: Redis }> {
    const server = await ownServer()
    const wide = await storesOf({ url: server.url }).open(ID)
    await wide.commit(
      names.map((name) => put(name, value)),
      'p',
    )
    const link = await narrowLink(server, bytesPerSecond)
    const store = await storesOf({ url: link.url, timeout: TIMEOUT }).open({ ...ID, token: 2 })
    return { store, link, redis: observer(server.url) }
  }

  it('delays a read, which gets through in smaller requests, with the sizes in the message', async () => {
    const { store } = await setUp()
    const first = await errorOf(() => read(store, ...names))
    expect(first?.message).toMatch(/a read of \d+ rows.*: the next attempt is smaller.*timeout \(500 ms\)/)
    await persist(async () => {
      const values = await read(store, ...names)
      expect(values.every((each) => each === value)).toBe(true)
    })
  })

  it('delays a scan, which gets through by itself', async () => {
    const { store } = await setUp()
    await persist(async () => expect(await scan(store)).toEqual(names.toSorted()))
  })

  it('delays a commit, which gets through in smaller chunks', async () => {
    const { store, link } = await setUp()
    link.bytesPerSecond = 0.8 * MEGA
    const commit = async () =>
      store.commit(
        names.slice(0, 20).map((name) => put(name, value)),
        'q',
      )
    const first = await errorOf(commit)
    expect(first?.message).toMatch(/a write of [\d.]+ [kM]B: the next attempt is smaller/)
    await persist(commit)
    expect(store.position).toBe('q')
  })

  it('that becomes wide again is used in full', async () => {
    const { store, link, redis } = await setUp()
    await persist(() => read(store, ...names))
    link.bytesPerSecond = Number.POSITIVE_INFINITY
    const requests = async () => {
      const before = await reads(redis)
      await persist(() => read(store, ...names))
      return (await reads(redis)) - before
    }
    await expect.poll(requests).toBe(1)
  })
})

describe.skipIf(!isPossible)('a read of rows of normal size', () => {
  it('is one request, also of a store that is large', async () => {
    const server = await ownServer()
    const store = await storesOf({ url: server.url }).open(ID)
    const names = Array.from({ length: 256 }, (_, i) => `key ${i}`)
    await store.commit(
      names.map((name) => put(name, 'x'.repeat(1_000))),
      'p',
    )
    const redis = observer(server.url)
    await read(store, ...names)
    expect(await reads(redis)).toBe(1)
    await store.commit(
      Array.from({ length: 90 }, (_, i) => put(`large ${i}`, 'x'.repeat(100_000))),
      'q',
    )
    await read(store, ...names)
    expect(await reads(redis)).toBe(2)
    const values = await read(store, ...Array.from({ length: 90 }, (_, i) => `large ${i}`))
    expect(values.every((value) => value?.length === 100_000)).toBe(true)
    expect(await reads(redis)).toBeLessThan(6)
  })

  it('of a large store begins with few rows, as their size is not known', async () => {
    const server = await ownServer()
    const names = Array.from({ length: 120 }, (_, i) => `key ${i}`)
    const writer = await storesOf({ url: server.url }).open(ID)
    await writer.commit(
      names.map((name) => put(name, 'x'.repeat(100_000))),
      'p',
    )
    const client = new Redis(server.url)
    atEnd(() => client.disconnect())
    const sizes: number[] = []
    const recording = new Proxy(client, {
      get(target, name) {
        const value = Reflect.get(target, name, target)
        if (name !== 'callBuffer') return typeof value === 'function' ? value.bind(target) : value
        return (command: string, args: (string | Buffer)[]) => {
          if (command === 'hmget') sizes.push(args.length - 2)
          return target.callBuffer(command, args)
        }
      },
    })
    const store = await storesOf({ client: recording }).open({ ...ID, token: 2 })
    const values = await read(store, ...names, 'missing', 'key 0')
    expect(values.map((value) => value?.length)).toEqual([...names.map(() => 100_000), undefined, 100_000])
    expect(sizes).toEqual([32, 83, 7])
    expect(await observer(server.url).hlen(KEY)).toBe(names.length + 3)
  })
})
