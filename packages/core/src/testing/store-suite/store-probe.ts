import assert from 'node:assert/strict'
import { isJoineryError } from '../../errors.js'
import { keyText } from '../../serde/key-text.js'
import type { Change, StateStore } from '../../store/contract.js'

/** Rows as strings with one character for each byte, keys and values alike. */
export type Rows = ReadonlyMap<string, string>

const MAX_SHOWN = 40

/** @returns a description of a value for an error message */
const describe = (text: string | undefined): string =>
  text === undefined ? 'nothing' : `${JSON.stringify(text.slice(0, MAX_SHOWN))} (${text.length} bytes)`

/** @returns the bytes of a string with one character for each byte */
export const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1')

/** @returns the UTF-8 bytes of a text, as a string with one character for each byte */
export const utf8 = (text: string): string => Buffer.from(text).toString('latin1')

export const put = (key: string, value: string): Change => ({ key: bytesOf(key), value: bytesOf(value) })

export const drop = (key: string): Change => ({ key: bytesOf(key), value: null })

export const putAll = (rows: Iterable<readonly [string, string]>): Change[] =>
  Array.from(rows, ([key, value]) => put(key, value))

/** @returns what `getMany` returns, as strings */
export async function read(store: StateStore, keys: readonly string[]): Promise<(string | undefined)[]> {
  const values = await store.getMany(keys.map(bytesOf))
  return values.map((value) => (value === undefined ? undefined : keyText(value)))
}

/** @returns what `entries` yields, as strings */
export async function scan(store: StateStore): Promise<Rows> {
  const found = new Map<string, string>()
  for await (const [key, value] of store.entries()) {
    const text = keyText(key)
    assert.ok(!found.has(text), `entries must yield each key once, but yields ${describe(text)} twice`)
    found.set(text, keyText(value))
  }
  return found
}

/** Expects exactly these rows, from `getMany` and from `entries`. */
export async function holds(store: StateStore, rows: Rows, absent: readonly string[] = []): Promise<void> {
  const keys = [...rows.keys(), ...absent]
  const values = await read(store, keys)
  keys.forEach((key, i) => {
    assertSame(values[i], rows.get(key), `getMany: the value of ${describe(key)}`)
  })
  const found = await scan(store)
  for (const [key, value] of rows) assertSame(found.get(key), value, `entries: the value of ${describe(key)}`)
  const others = [...found.keys()].filter((key) => !rows.has(key))
  assert.ok(others.length === 0, `entries yields ${describe(others[0])}, which is not a row`)
}

/** Expects neither rows nor a position. */
export async function isEmpty(store: StateStore, absent: readonly string[] = []): Promise<void> {
  assert.equal(store.position, undefined, 'an empty store must have no position')
  await holds(store, new Map(), absent)
}

/** As `assert.equal`, but shortens long values in the message. */
export function assertSame(found: string | undefined, expected: string | undefined, what: string): void {
  assert.ok(found === expected, `${what} must be ${describe(expected)}, but is ${describe(found)}`)
}

/** @returns a check of the error code, for `assert.rejects` */
export const hasCode = (code: string) => (error: unknown) => {
  assert.ok(isJoineryError(error), `expected a JoineryError ${code}, got ${String(error)}`)
  assert.equal(error.code, code)
  return true
}

/** Expects every call of the store to fail. */
export async function refuses(store: StateStore, code: string): Promise<void> {
  await assert.rejects(async () => store.getMany([bytesOf('a')]), hasCode(code), 'getMany must fail')
  await assert.rejects(async () => store.commit([put('late', 'late')], 'late'), hasCode(code), 'commit must fail')
  await assert.rejects(async () => store.commit([], 'late'), hasCode(code), 'an empty commit must fail')
  await assert.rejects(async () => scan(store), hasCode(code), 'entries must fail')
  await assert.rejects(async () => store.clear(), hasCode(code), 'clear must fail')
}

/** @returns changes of which the one at index `at` cannot be read, so that a commit of them fails there */
export function failingAt(changes: readonly Change[], at: number): readonly Change[] {
  return changes.map((change, i) =>
    i !== at
      ? change
      : {
          key: change.key,
          get value(): Uint8Array | null {
            throw new Error('the suite lets this commit fail')
          },
        },
  )
}
