import assert from 'node:assert/strict'
import { assertSame, bytesOf, drop, holds, isEmpty, put, putAll, read, scan, utf8 } from './store-probe.js'
import type { StoreTest } from './store-trial.js'

/** Keys and values that a store may confuse with something else: nothing, a separator, a pattern, or one of its own names. */
export const ODD: readonly string[] = [
  ...['', '0', '00', 'false', 'null', 'undefined', 'NaN', '\0', '\0\0', ' ', '\n', '\r\n'],
  ...['a', 'A', 'aa', 'a:', ':a', 'a:b', 'a/b', 'a\\b', 'a.b', 'a,b', 'a|b', 'a\0b', 'a b', '../a'],
  ...['*', 'a*', '?', 'a?', '[a]', '[^a]', '{a}', '{', '}', '%', 'a%', '_', '$', '#', '"', "'", '--'],
  ...['position', '$position', '__position__', 'token', 'owner', 'meta', 'rows', '$waiters', 'data.mdb'],
  ...['__proto__', 'constructor', 'toString', 'length'],
  ...[utf8('é'), utf8('e\u0301'), utf8('\u{1f600}'), utf8('ß'), utf8('SS')],
  ...['\x80', '\xff', '\xff\xff', '\xff\xfe', '\xc3\x28', '\xed\xa0\x80', '\xef\xbf\xbd'],
]

/** Lengths around the limits that stores have for keys. */
const LONG = [255, 256, 511, 512, 1_978, 1_979, 4_096, 65_536, 1_048_576]

/** Keys and values are bytes, and are stored unchanged. */
export function storeContentsSuite(test: StoreTest): void {
  test('a new store is empty and has no position', async (trial) => {
    await isEmpty(await trial.open(), ['a', ''])
  })

  test('values are in the order of the requested keys, twice for a key that is requested twice', async (trial) => {
    const store = await trial.open()
    await store.commit([put('a', '1'), put('b', '2')], 'p')
    assert.deepEqual(await read(store, ['b', 'x', 'a', 'b']), ['2', undefined, '1', '2'])
    assert.deepEqual(await read(store, []), [])
  })

  test('an empty value is a value, not a deletion', async (trial) => {
    const store = await trial.open()
    await store.commit([put('a', '1'), put('b', '')], 'p')
    await store.commit([put('a', '')], 'q')
    await holds(store, new Map(Object.entries({ a: '', b: '' })), ['c'])
  })

  test('keys and values that look empty, false, or like a separator, a pattern or a name are stored unchanged', async (trial) => {
    const store = await trial.open()
    const rows = new Map(ODD.map((key, i) => [key, ODD.at(-i) as string]))
    await store.commit(putAll(rows), 'p')
    await holds(store, rows)
    assert.equal(store.position, 'p')
  })

  test('deleting a key keeps keys with that prefix, keys that match it as a pattern, and keys that look similar', async (trial) => {
    const store = await trial.open()
    const rows = new Map(ODD.map((key) => [key, `row of ${key}`]))
    await store.commit(putAll(rows), 'p')
    for (const key of ODD) {
      await store.commit([drop(key)], 'q')
      rows.delete(key)
      assert.equal(store.position, 'q')
      assert.deepEqual(await read(store, [key]), [undefined])
      assert.deepEqual(
        await read(store, [...rows.keys()]),
        [...rows.values()],
        `deleting ${JSON.stringify(key)} must keep the others`,
      )
    }
    await holds(store, rows, ODD)
  })

  test('all byte values are distinct, in keys and in values', async (trial) => {
    const store = await trial.open()
    const allBytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte))
    const rows = new Map(allBytes.map((byte, i) => [byte, allBytes[255 - i] as string]))
    rows.set(allBytes.join(''), [...allBytes].reverse().join(''))
    await store.commit(putAll(rows), 'p')
    await holds(store, rows)
  })

  test('very long keys that differ in the last byte are distinct, and so are their prefixes', async (trial) => {
    const store = await trial.open()
    const rows = new Map<string, string>()
    for (const length of LONG)
      for (const last of ['a', 'b']) rows.set('k'.repeat(length - 1) + last, `${length}${last}`)
    await store.commit(putAll(rows), 'p')
    await holds(store, rows, ['k', ...LONG.map((length) => 'k'.repeat(length))])
    const [first, ...others] = rows
    await store.commit([drop(first?.[0] as string)], 'q')
    await holds(store, new Map(others), [first?.[0] as string])
  })

  test('large values are stored completely', async (trial) => {
    const store = await trial.open()
    const rows = new Map<string, string>()
    for (const size of [65_535, 65_536, 1_048_576, 4_194_304]) {
      const value = Buffer.alloc(size)
      for (let i = 0; i < size; i++) value[i] = (i * 31 + (i >> 8)) % 251
      rows.set(`of ${size}`, value.toString('latin1'))
    }
    await store.commit(putAll(rows), 'p')
    await holds(store, rows)
  })

  test('keys and values can be views of larger buffers', async (trial) => {
    const store = await trial.open()
    const whole = Uint8Array.from({ length: 64 }, (_, i) => i)
    await store.commit([{ key: whole.subarray(10, 12), value: whole.subarray(20, 23) }], 'p')
    await holds(store, new Map([['\x0a\x0b', '\x14\x15\x16']]), ['\x0a', '\x0a\x0b\x0c'])
    const [value] = await store.getMany([whole.subarray(10, 12)])
    assert.deepEqual(Array.from(value ?? []), [20, 21, 22])
  })

  test('returned bytes never change, whatever happens to the store', async (trial) => {
    const store = await trial.open()
    const rows = new Map(Array.from({ length: 50 }, (_, i) => [`key ${i}`, `value ${i}`.repeat(i + 1)]))
    await store.commit(putAll(rows), 'p')
    const got = await store.getMany([...rows.keys()].map(bytesOf))
    const found: (readonly [Uint8Array, Uint8Array])[] = []
    for await (const entry of store.entries()) found.push(entry)
    const check = () => {
      const plain = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('latin1')
      for (const [i, [key, value]] of [...rows].entries()) assertSame(plain(got[i]), value, `the value of ${key}`)
      const entries = new Map(found.map(([key, value]) => [plain(key), plain(value)]))
      for (const [key, value] of rows) assertSame(entries.get(key), value, `the entry of ${key}`)
    }
    check()
    await store.commit(
      [...rows.keys()].map((key, i) => (i % 2 === 0 ? drop(key) : put(key, 'other'))),
      'q',
    )
    await read(store, [...rows.keys()])
    await scan(store)
    check()
    await store.clear()
    await store.commit(putAll(new Map([...rows].map(([key, value]) => [value, key]))), 'r')
    check()
    await store.close()
    check()
  })
}
