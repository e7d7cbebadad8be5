import { describe, expect, it } from 'vitest'
import { type AppEvent, JoineryError, memoryStores, stream, table } from '../../src/index.js'
import type { StateStore, StateStores, StoreId } from '../../src/store.js'
import { testDriver } from '../../src/testing.js'
import { activations, information, notifications, notify } from './activation.js'

/** Stores whose calls fail as `fails` says. */
function losing(stores: StateStores, fails: (call: 'open' | 'getMany' | 'entries', id: StoreId) => void): StateStores {
  return {
    async open(id) {
      fails('open', id)
      const store = await stores.open(id)
      return new Proxy(store, {
        get(target, name) {
          const value = Reflect.get(target, name, target)
          if (typeof value !== 'function') return value
          return (...args: unknown[]) => {
            if (name === 'getMany' || name === 'entries') fails(name, id)
            return value.apply(target, args)
          }
        },
      }) as StateStore
    },
  }
}

const told = (events: readonly AppEvent[]) =>
  events.flatMap((event) => (event.type === 'retrying' ? [event.error.code] : []))

describe.each(['STORE_FENCED', 'STORE_BEHIND'] as const)('a store that says %s', (code) => {
  it('when it is read, is opened again; nothing is lost and nothing comes twice', async () => {
    const events: AppEvent[] = []
    let reads = 0
    const stores = losing(memoryStores(), (call) => {
      if (call === 'getMany' && ++reads === 2) throw new JoineryError(code, 'as told')
    })
    await using driver = await testDriver(notify(), { stores, onEvent: (event) => events.push(event) })
    const keys = ['a', 'b', 'c'] // each read once: rows are cached
    await driver.produce(information, ...keys.map((key) => ({ key, value: { id: `id of ${key}` } })))
    await driver.restart('clean')
    for (const [n, key] of keys.entries()) await driver.produce(activations, { key, value: { n } })
    expect(driver.consume(notifications).map(({ value }) => value)).toEqual(
      keys.map((key, n) => ({ n, id: `id of ${key}` })),
    )
    expect(driver.metrics()).toMatchObject({ in: 3, emitted: 3 })
    expect(told(events)).toEqual([code])
  })

  it('when it is opened, is opened again with a later token', async () => {
    const tokens: number[] = []
    const stores = losing(memoryStores(), (call, { name, token }) => {
      if (call !== 'open' || name !== information.name) return
      tokens.push(token)
      if (tokens.length < 3) throw new JoineryError(code, 'as told')
    })
    await using driver = await testDriver(notify(), { stores })
    await driver.produce(information, { key: 'a', value: { id: '1' } })
    await driver.produce(activations, { key: 'a', value: { n: 1 } })
    expect(driver.metrics()).toMatchObject({ in: 1, emitted: 1 })
    expect(tokens).toHaveLength(3)
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b))
  })

  it.each(['getMany', 'entries'] as const)('to a query (%s), is opened again though no record comes', async (lost) => {
    const rows = table(information)
    const pipeline = stream(activations)
      .join(rows, ({ n }, { id }) => ({ n, id }))
      .to(notifications)
    let isLost = false
    const stores = losing(memoryStores(), (call, { name }) => {
      if (call === 'open' && name === information.name) isLost = false
      if (call === lost && name === information.name && isLost) throw new JoineryError(code, 'as told')
    })
    const events: AppEvent[] = []
    await using driver = await testDriver(pipeline, { stores, onEvent: (event) => events.push(event) })
    await driver.produce(information, { key: 'a', value: { id: '1' } })
    const ask = async () => {
      if (lost === 'getMany') return [['a', await driver.query(rows).get('a')]]
      const entries: unknown[] = []
      for await (const entry of driver.query(rows).entries()) entries.push(entry)
      return entries
    }
    isLost = true
    await expect(ask()).rejects.toMatchObject({ code })
    await driver.advance('1s')
    expect(await ask()).toEqual([['a', { id: '1' }]])
    expect(told(events)).toEqual([code])
  })
})

it('stores that outlive an in-memory log serve the next one', async () => {
  const stores = memoryStores()
  const tokens: [string, number][] = []
  const watched = losing(stores, (call, { name, changelogId, token }) => {
    if (call === 'open' && name === information.name) tokens.push([changelogId, token])
  })
  const earlier = await testDriver(notify(), { stores: watched })
  await earlier.produce(information, { key: 'a', value: { id: 'old' } })
  for (let i = 0; i < 3; i++) await earlier.restart('clean')
  const kept = await stores.open({
    application: 'test',
    name: information.name,
    partition: 0,
    token: 1_000,
    changelogId: tokens[0]?.[0] as string,
  })
  await earlier[Symbol.asyncDispose]()

  await using driver = await testDriver(notify(), { stores: watched })
  await driver.produce(activations, { key: 'a', value: { n: 1 } })
  expect(driver.metrics()).toMatchObject({ in: 1, waiting: 1 })
  expect(new Set(tokens.map(([id]) => id)).size).toBe(2)
  expect(() => kept.getMany([])).toThrow(expect.objectContaining({ code: 'STORE_FENCED', retriable: true }))
})
