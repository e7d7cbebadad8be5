import { describe, expect, it } from 'vitest'
import { produce } from '../../../src/app/produce.js'
import { type AppEvent, type MemoryStoresOptions, memoryLog, memoryStores, run, table } from '../../../src/index.js'
import type { StateStore } from '../../../src/store.js'
import { faultyStores, testDriver } from '../../../src/testing.js'
import { activations, DEAD, information, notifications, notify } from '../../app/activation.js'

const EVICTING = { maxRows: 3, onFull: 'evict-and-lose-rows' } as const
const id = { application: 'a', name: 'rows', partition: 0, token: 1, changelogId: 'c' }
const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const put = (...keys: string[]) => keys.map((key) => ({ key: bytes(key), value: bytes(`row of ${key}`) }))
const has = async (store: StateStore, ...keys: string[]) =>
  (await store.getMany(keys.map(bytes))).map((value) => value !== undefined)
const rows = (...keys: string[]) => keys.map((key) => ({ key, value: { id: `id of ${key}` } }))
const events = (...keys: string[]) => keys.map((key, n) => ({ key, value: { n } }))

describe('a limit of rows', () => {
  it.each<[MemoryStoresOptions, string]>([
    [{ maxRows: 0 }, 'maxRows is 0'],
    [{ maxRows: 1.5 }, 'maxRows is 1.5'],
    [{ maxRows: Number.NaN }, 'maxRows is NaN'],
    [{ onFull: 'halt' }, 'maxRows is not set'],
    [{ maxRows: 5, onFull: 'evict' as 'halt' }, 'onFull is evict'],
  ])('%o is rejected', (options, message) => {
    expect(() => memoryStores(options)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining(message) }),
    )
  })

  it('evicts the least recently used row, if that is configured', async () => {
    const store = await memoryStores(EVICTING).open(id)
    await store.commit(put('a', 'b', 'c'), 'p')
    expect(store.lostRows).toBe(0)
    await has(store, 'a')
    await store.commit(put('d'), 'q')
    expect(await has(store, 'a', 'b', 'c', 'd')).toEqual([true, false, true, true])
    expect(store.lostRows).toBe(1)
    await store.commit([...put('e', 'f', 'g', 'h'), { key: bytes('h'), value: null }], 'r')
    expect(store.lostRows).toBe(5)
    expect(store.position).toBe('r')
  })

  it('counts the evictions since each owner opened the store, and no deletions', async () => {
    const stores = memoryStores(EVICTING)
    const first = await stores.open(id)
    await first.commit([...put('a', 'b', 'c', 'd'), { key: bytes('c'), value: null }], 'p')
    const second = await stores.open({ ...id, token: 2 })
    expect([first.lostRows, second.lostRows]).toEqual([1, 0])
    await second.clear()
    expect(second.lostRows).toBe(0)
  })

  it('reports the number of table rows', async () => {
    const stores = memoryStores()
    await (await stores.open(id)).commit(put('a', 'b'), 'p')
    await (await stores.open({ ...id, partition: 1 })).commit(put('c'), 'p')
    await (await stores.open({ ...id, name: '$waiters' })).commit(put('d', 'e', 'f'), 'p')
    expect(stores.gauges?.()).toEqual({ storedRows: 3 })
  })
})

describe('an application at the limit', () => {
  it('stops without losing anything, and continues with a higher limit', async () => {
    const log = memoryLog({ topics: { information: { cleanup: 'compact' } } })
    const start = (maxRows: number) =>
      run(notify(), { application: 'a', log, stores: memoryStores({ maxRows }), cache: false })
    await using small = await start(3)
    await produce(log, information, ...rows('a', 'b', 'c', 'd'))
    await produce(log, activations, ...events('a', 'b', 'c', 'd'))
    await expect(small.closed).rejects.toThrow(
      expect.objectContaining({ code: 'STORE_FULL', topic: 'information', partition: 0, retriable: false }),
    )
    await using large = await start(4)
    await expect.poll(() => large.metrics().pipelines.activation).toMatchObject({ in: 4, emitted: 4 })
  })

  it('counts each row that it loses, and reports it', async () => {
    const told: AppEvent[] = []
    const log = memoryLog({ topics: { information: { cleanup: 'compact' } } })
    const stores = faultyStores(memoryStores(EVICTING), {})
    const onEvent = (event: AppEvent) => void (event.type === 'rows-lost' && told.push(event))
    await using app = await run(notify(), { application: 'a', log, stores, cache: false, onEvent })
    await produce(log, information, ...rows('a', 'b', 'c', 'd', 'e'))
    await expect.poll(() => app.metrics().counts.lostRows).toBe(2)
    expect(app.metrics().gauges.storedRows).toBe(3)
    expect(told.every((event) => event.type === 'rows-lost' && event.table === 'information' && event.task === 0)).toBe(
      true,
    )
    expect(told.reduce((sum, event) => sum + (event.type === 'rows-lost' ? event.rows : 0), 0)).toBe(2)
    const view = app.query(table(information))
    expect(await Promise.all(['a', 'b', 'c'].map((key) => view.get(key)))).toEqual([
      undefined,
      undefined,
      { id: 'id of c' },
    ])
  })

  it('never evicts an event that waits', async () => {
    await using driver = await testDriver(notify(), { stores: memoryStores({ ...EVICTING, maxRows: 1 }), cache: false })
    await driver.produce(activations, ...events('a', 'b', 'c'))
    expect(driver.metrics().waiting).toBe(3)
    await driver.restart('crash')
    for (const key of ['a', 'b', 'c']) await driver.produce(information, ...rows(key))
    expect(driver.consume(notifications)).toHaveLength(3)
    expect(driver.consumeDeadLetters(activations.named(DEAD))).toEqual([])
  })
})
