import { describe, expect, it } from 'vitest'
import { json, memoryStores } from '../../src/index.js'
import { cacheLimit, RowCache } from '../../src/store/row-cache.js'
import { StoredRow } from '../../src/store/stored-row.js'
import type { StateStores } from '../../src/store.js'
import { testDriver } from '../../src/testing.js'
import { activations, information, notify } from '../app/activation.js'

const row = (bytes: number) => new StoredRow(new Uint8Array(bytes))

describe('a stored row', () => {
  it('is decoded once, when its value is first requested', () => {
    let decoded = 0
    const decoder = {
      format: 'json',
      decode: (bytes: Uint8Array) => {
        decoded++
        return json<{ a: number }>().decode(bytes)
      },
    }
    const stored = new StoredRow(Buffer.from('{"a":1}'))
    expect(decoded).toBe(0)
    expect(stored.decode(decoder)).toEqual({ a: 1 })
    expect(stored.decode(decoder)).toBe(stored.decode(decoder))
    expect(decoded).toBe(1)
  })
})

describe('the row cache', () => {
  it('holds at most the configured number of rows, and keeps those that were used last', () => {
    const cache = new RowCache({ max: 100 })
    for (let i = 0; i <= 100; i++) cache.set(`k${i}`, row(1))
    expect(cache.size).toBe(100)
    cache.set('k0', row(1))
    expect(cache.get('k0')).toBeDefined()
    for (let i = 101; i < 200; i++) cache.set(`k${i}`, row(1))
    expect(cache.size).toBe(100)
    expect(cache.get('k0')).toBeDefined()
    expect(cache.get('k1')).toBeUndefined()
  })

  it('holds at most the configured number of bytes', () => {
    const cache = new RowCache({ maxSize: 10_000 })
    for (let i = 0; i < 100; i++) cache.set(`k${i}`, row(936))
    expect(cache.size).toBe(10)
    cache.set('k99', row(20_000))
    expect(cache.get('k99')).toBeUndefined() // the previous row is gone as well
  })

  it('is limited by rows or by bytes, or disabled', () => {
    expect(cacheLimit({ rows: 5 })).toEqual({ max: 5 })
    expect(cacheLimit({ bytes: '1KiB' })).toEqual({ maxSize: 1_024 })
    expect(cacheLimit({ bytes: 5_000 })).toEqual({ maxSize: 5_000 })
    expect(cacheLimit(false)).toBeUndefined()
    for (const rows of [0, -1, 1.5, Number.NaN]) expect(() => cacheLimit({ rows })).toThrow('cache.rows')
  })
})

describe('an application with a row cache', () => {
  it('does not read a cached row again, and sees every change of it', async () => {
    let reads = 0
    const stores = memoryStores()
    const counting: StateStores = {
      async open(id) {
        const store = await stores.open(id)
        return {
          get position() {
            return store.position
          },
          getMany: (keys) => {
            reads += keys.length
            return store.getMany(keys)
          },
          commit: (changes, position) => store.commit(changes, position),
          entries: () => store.entries(),
          clear: () => store.clear(),
          close: () => store.close(),
        }
      },
    }
    await using driver = await testDriver(notify(), { stores: counting })
    const event = async (n: number) => {
      await driver.produce(activations, { key: 'p', value: { n } })
      return driver.metrics().emitted
    }
    await driver.produce(information, { key: 'p', value: { id: '1' } })
    expect(await event(1)).toBe(1)
    expect(await event(2)).toBe(2)
    expect(reads).toBe(0)
    await driver.produce(information, { key: 'p', value: null })
    expect(await event(3)).toBe(2)
    expect(driver.metrics().waiting).toBe(1)
    await driver.produce(information, { key: 'p', value: { id: '2' } })
    expect(driver.metrics()).toMatchObject({ emitted: 3, waiting: 0 })
  })
})
