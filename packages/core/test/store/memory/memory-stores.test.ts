import { describe, expect, it } from 'vitest'
import { memoryStores } from '../../../src/index.js'
import { keyText, type StateStore } from '../../../src/store.js'

const id = { application: 'a', name: 's', partition: 0, token: 1, changelogId: 'log' }
const bytes = (text: string) => new Uint8Array(Buffer.from(text))

async function values(store: StateStore, keys: readonly string[]) {
  const found = await store.getMany(keys.map(bytes))
  return found.map((value) => value && Buffer.from(value).toString())
}

async function entriesOf(store: StateStore): Promise<(readonly [string, string])[]> {
  const entries: (readonly [string, string])[] = []
  for await (const [key, value] of store.entries())
    entries.push([Buffer.from(key).toString(), Buffer.from(value).toString()])
  return entries.sort()
}

describe('an in-memory store', () => {
  it('is empty and has no position at first', async () => {
    const store = await memoryStores().open(id)
    expect(store.position).toBeUndefined()
    expect(await store.getMany([bytes('k')])).toEqual([undefined])
    expect(await entriesOf(store)).toEqual([])
  })

  it('returns values in the order of the keys, also for a key that is requested twice', async () => {
    const store = await memoryStores().open(id)
    await store.commit(
      [
        { key: bytes('a'), value: bytes('1') },
        { key: bytes('b'), value: bytes('') },
      ],
      'p1',
    )
    expect(await values(store, ['b', 'x', 'a', 'b'])).toEqual(['', undefined, '1', ''])
    expect(store.position).toBe('p1')
  })

  it('applies changes in order, and idempotently', async () => {
    const store = await memoryStores().open(id)
    const changes = [
      { key: bytes('a'), value: bytes('1') },
      { key: bytes('a'), value: null },
      { key: bytes('b'), value: null },
      { key: bytes('b'), value: bytes('2') },
    ]
    await store.commit(changes, 'p')
    await store.commit(changes, 'p')
    expect(await entriesOf(store)).toEqual([['b', '2']])
  })

  it('compares keys by their bytes', async () => {
    const store = await memoryStores().open(id)
    const inside = bytes('xkeyx').subarray(1, 4)
    await store.commit([{ key: inside, value: bytes('v') }], 'p')
    expect(await values(store, ['key', 'keyx', ''])).toEqual(['v', undefined, undefined])
  })

  it('does not keep the buffer alive that a row was part of', async () => {
    const store = await memoryStores().open(id)
    const chunk = new Uint8Array(1_048_576)
    await store.commit([{ key: chunk.subarray(0, 4), value: chunk.subarray(100, 200) }], 'p')
    for await (const [key, value] of store.entries())
      expect(key.buffer.byteLength + value.buffer.byteLength).toBeLessThan(100_000)
  })

  it('has neither rows nor a position after clear', async () => {
    const store = await memoryStores().open(id)
    await store.commit([{ key: bytes('a'), value: bytes('1') }], 'p')
    await store.clear()
    expect([store.position, await entriesOf(store)]).toEqual([undefined, []])
  })

  it('shares nothing with a store of another application, name or partition', async () => {
    const stores = memoryStores()
    const first = await stores.open(id)
    await first.commit([{ key: bytes('a'), value: bytes('1') }], 'p')
    for (const other of [{ application: 'b' }, { name: 't' }, { partition: 1 }]) {
      const store = await stores.open({ ...id, ...other })
      expect([store.position, await entriesOf(store)]).toEqual([undefined, []])
    }
  })

  it('rejects every call after it is closed, and can be closed twice', async () => {
    const store = await memoryStores().open(id)
    await store.close()
    await store.close()
    const closed = expect.objectContaining({ code: 'STORE_CLOSED' })
    for (const call of [
      async () => store.getMany([]),
      async () => store.commit([], 'p'),
      async () => store.clear(),
      async () => entriesOf(store),
    ])
      await expect(call()).rejects.toThrow(closed)
  })
})

describe('keyText', () => {
  it('has one character for each byte, and is equal if and only if the bytes are', () => {
    expect(keyText(Uint8Array.from([0, 97, 255]))).toBe('\u0000a\u00ff')
    expect(keyText(bytes('xab').subarray(1))).toBe(keyText(bytes('ab')))
    const texts = new Set(Array.from({ length: 256 }, (_, byte) => keyText(Uint8Array.of(byte))))
    expect(texts.size).toBe(256)
  })
})
