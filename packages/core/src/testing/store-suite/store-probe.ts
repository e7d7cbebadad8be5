import assert from 'node:assert/strict'
import { isJoineryError } from '../../errors.js'
import { keyText } from '../../serde/key-text.js'
import type { Change, StateStore } from '../../store/contract.js'

/** Rows as the tests write them: one character for each byte, of keys as of values. */
export type Rows = ReadonlyMap<string, string>

const SHOWN = 40

const brief = (text: string | undefined): string =>
  text === undefined ? 'nothing' : `${JSON.stringify(text.slice(0, SHOWN))} (${text.length} bytes)`

/** The bytes that a text stands for. */
export const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1')

/** UTF-8, as one character for each byte. */
export const utf8 = (text: string): string => Buffer.from(text).toString('latin1')

export const put = (key: string, value: string): Change => ({ key: bytesOf(key), value: bytesOf(value) })

export const drop = (key: string): Change => ({ key: bytesOf(key), value: null })

export const putAll = (rows: Iterable<readonly [string, string]>): Change[] =>
  Array.from(rows, ([key, value]) => put(key, value))

/** What `getMany` answers. */
export async function read(store: StateStore, keys: readonly string[]): Promise<(string | undefined)[]> {
  const values = await store.getMany(keys.map(bytesOf))
  assert.equal(values.length, keys.length, 'getMany answers as many values as it was asked for keys')
  return values.map((value) => (value === undefined ? undefined : keyText(value)))
}

/** What `entries` yields. */
export async function scan(store: StateStore): Promise<Rows> {
  const found = new Map<string, string>()
  for await (const [key, value] of store.entries()) {
    const text = keyText(key)
    assert.ok(!found.has(text), `entries() yields each key once, but ${brief(text)} came twice`)
    found.set(text, keyText(value))
  }
  return found
}

/** The store holds these rows and no other, whichever way it is asked. */
export async function holds(store: StateStore, rows: Rows, absent: readonly string[] = []): Promise<void> {
  const keys = [...rows.keys(), ...absent]
  const values = await read(store, keys)
  keys.forEach((key, i) => {
    assertSame(values[i], rows.get(key), `getMany: the row of ${brief(key)}`)
  })
  const found = await scan(store)
  for (const [key, value] of rows) assertSame(found.get(key), value, `entries(): the row of ${brief(key)}`)
  const others = [...found.keys()].filter((key) => !rows.has(key))
  assert.ok(others.length === 0, `entries() yields ${brief(others[0])}, which is no row`)
}

/** The store has neither rows nor a position. */
export async function isEmpty(store: StateStore, absent: readonly string[] = []): Promise<void> {
  assert.equal(store.position, undefined, 'an empty store has no position')
  await holds(store, new Map(), absent)
}

/** Like `assert.equal`, without printing a megabyte. */
export function assertSame(found: string | undefined, expected: string | undefined, what: string): void {
  assert.ok(found === expected, `${what} has to be ${brief(expected)}, and is ${brief(found)}`)
}

/** For `assert.rejects`. */
export const hasCode = (code: string) => (error: unknown) => {
  assert.ok(isJoineryError(error), `a JoineryError ${code} is needed, not ${String(error)}`)
  assert.equal(error.code, code)
  return true
}

/** Every call of it fails. */
export async function refuses(store: StateStore, code: string): Promise<void> {
  await assert.rejects(async () => store.getMany([bytesOf('a')]), hasCode(code), 'getMany is refused')
  await assert.rejects(async () => store.commit([put('late', 'late')], 'late'), hasCode(code), 'commit is refused')
  await assert.rejects(async () => store.commit([], 'late'), hasCode(code), 'an empty commit is refused')
  await assert.rejects(async () => scan(store), hasCode(code), 'entries is refused')
  await assert.rejects(async () => store.clear(), hasCode(code), 'clear is refused')
}

/** The changes, of which the one at `at` cannot be read: a commit of them breaks off. */
export function breakingOff(changes: readonly Change[], at: number): readonly Change[] {
  return changes.map((change, i) =>
    i !== at
      ? change
      : {
          key: change.key,
          get value(): Uint8Array | null {
            throw new Error('the suite breaks this commit off')
          },
        },
  )
}
