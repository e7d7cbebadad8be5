import { describe, expect, it } from 'vitest'
import { text } from '../../../src/index.js'
import { type CacheCounts, RowCache } from '../../../src/store/row-cache.js'
import type { StoredRow } from '../../../src/store/stored-row.js'
import { WriteBatch } from '../../../src/task/commit/write-batch.js'
import { RowReader } from '../../../src/task/stores/row-reader.js'
import { seededRandom } from '../../../src/testing/random.js'

const TABLE = 'rows'
const bytes = (text: string) => new Uint8Array(Buffer.from(text))
const asText = text()
const plain = (row: StoredRow | undefined) => row?.decode(asText)

/** A store whose answers are held back: they are of the moment of the question. */
class HeldStore {
  readonly committed = new Map<string, string>()
  readonly held: (() => void)[] = []
  isHolding = true

  readonly getMany = (keys: readonly Uint8Array[]) => {
    const found = keys.map((key) => this.committed.get(Buffer.from(key).toString()))
    const values = found.map((value) => (value === undefined ? undefined : bytes(value)))
    if (!this.isHolding) return values
    return new Promise<typeof values>((resolve) => this.held.push(() => resolve(values)))
  }

  /** Takes a commit, and acknowledges it. */
  take(work: WriteBatch, rows: RowReader): void {
    const changes = work.stores.get(TABLE) ?? new Map()
    for (const { key, value } of changes.values()) {
      if (value === null) this.committed.delete(Buffer.from(key).toString())
      else this.committed.set(Buffer.from(key).toString(), Buffer.from(value).toString())
    }
    rows.committed(changes)
  }
}

const newWork = (changes: Readonly<Record<string, string | null>> = {}): WriteBatch => {
  const work = new WriteBatch('$waiters', () => 0)
  for (const [key, value] of Object.entries(changes))
    work.putRow(TABLE, { key: bytes(key), value: value === null ? null : bytes(value) })
  return work
}

function held(limit = { max: 100 }) {
  const store = new HeldStore()
  const counts: CacheCounts = { cacheHits: 0, cacheMisses: 0 }
  const rows = new RowReader(TABLE, store.getMany, new RowCache(limit, counts))
  const read = async (keys: readonly string[], ...batches: readonly (WriteBatch | undefined)[]) =>
    (
      await rows.read(
        keys.map(bytes),
        batches.filter((batch) => batch !== undefined),
      )
    ).map(plain)
  return { store, counts, rows, read }
}

describe('rows beneath an overlay', () => {
  it('an old row that comes late does not take the place of a newer one', async () => {
    const { store, rows, read } = held()
    store.committed.set('a', 'old').set('b', 'old')
    const early = read(['a', 'b'])
    const work = newWork({ a: 'new', b: null })
    store.take(work, rows)
    for (const answer of store.held) answer()
    expect(await early).toEqual(['old', 'old']) // it asked before
    store.isHolding = false
    expect(await read(['a', 'b'])).toEqual(['new', undefined])
  })

  it('nor does one that was read while the commit was under way', async () => {
    const { store, rows, read } = held()
    store.committed.set('a', 'old').set('c', 'other')
    const inFlight = newWork({ a: 'new' })
    const beside = read(['a', 'c'], newWork(), inFlight)
    store.take(inFlight, rows)
    for (const answer of store.held) answer()
    expect(await beside).toEqual(['new', 'other'])
    store.isHolding = false
    expect(await read(['a', 'c'])).toEqual(['new', 'other'])
  })

  it('the newest work lies over what is being committed, and that over the store', async () => {
    const { store, read } = held()
    store.isHolding = false
    store.committed.set('a', '1').set('b', '1').set('c', '1')
    expect(await read(['a', 'b', 'c'], newWork({ a: '3' }), newWork({ a: '2', b: null }))).toEqual([
      '3',
      undefined,
      '1',
    ])
    expect(await read(['a', 'b', 'c'])).toEqual(['1', '1', '1'])
  })

  it('counts what it found decoded, and what it had to read; not what lies over it', async () => {
    const { store, counts, rows, read } = held()
    store.isHolding = false
    store.committed.set('a', '1')
    await read(['a', 'none', 'b'], newWork({ b: '2' }))
    expect(counts).toEqual({ cacheHits: 0, cacheMisses: 2 })
    await read(['a', 'a', 'none'])
    expect(counts).toEqual({ cacheHits: 2, cacheMisses: 3 })
    store.take(newWork({ b: '2' }), rows)
    await read(['b'])
    expect(counts).toEqual({ cacheHits: 3, cacheMisses: 3 })
  })
})

const SEEDS = 200
const STEPS = 150

it('rows are never older than the question, in any interleaving of reads and commits', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) await interleave(seed)
}, 60_000)

async function interleave(seed: number): Promise<void> {
  const random = seededRandom(seed)
  const below = (bound: number) => Math.floor(random() * bound)
  const { store, rows, read } = held({ max: 1 + below(6) })
  const keys = Array.from({ length: 8 }, (_, i) => `key ${i}`)
  /** Everything that a key has ever been, in order. */
  const versions = new Map<string, (string | undefined)[]>(keys.map((key) => [key, [undefined]]))
  let [work, inFlight]: [WriteBatch, WriteBatch | undefined] = [newWork(), undefined]
  const pending: Promise<void>[] = []
  const ask = (asked: readonly string[]) => {
    const since = asked.map((key) => (versions.get(key) as unknown[]).length - 1)
    return read(asked, work, inFlight).then((found) => {
      for (const [i, key] of asked.entries())
        expect((versions.get(key) ?? []).slice(since[i]), `${key} at seed ${seed}`).toContain(found[i])
    })
  }
  for (let step = 0; step < STEPS; step++) {
    const what = below(10)
    if (what < 4) {
      const key = keys[below(keys.length)] as string
      const value = random() < 0.3 ? null : `version ${step}`
      work.putRow(TABLE, { key: bytes(key), value: value === null ? null : bytes(value) })
      versions.get(key)?.push(value ?? undefined)
    } else if (what < 7) pending.push(ask(keys.filter(() => random() < 0.3)))
    else if (what < 8) store.held.splice(below(store.held.length), 1)[0]?.()
    else if (inFlight === undefined) [inFlight, work] = [work, newWork()]
    else {
      store.take(inFlight, rows)
      inFlight = undefined
    }
    await Promise.resolve()
  }
  for (const answer of store.held.splice(0)) answer()
  await Promise.all(pending)
  store.isHolding = false
  expect(await read(keys, work, inFlight), `at last, seed ${seed}`).toEqual(
    keys.map((key) => versions.get(key)?.at(-1)),
  )
}
