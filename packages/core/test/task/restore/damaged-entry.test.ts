import { describe, expect, it } from 'vitest'
import { produce } from '../../../src/app/produce.js'
import { type App, bytes, JoineryError, type Log, memoryLog, memoryStores, run, topic } from '../../../src/index.js'
import type { StateStore, StateStores } from '../../../src/store.js'
import { damagedEntry } from '../../../src/task/restore/damaged-entry.js'
import { activations, notify } from '../../app/activation.js'

type Entry = readonly [key: Uint8Array, value: Uint8Array]

const entriesOf = (store: StateStore) => store.entries() as Iterable<Entry>

/** Stores that change the entries of one store. */
function altered(inner: StateStores, name: string, change: (entry: Entry) => Entry): StateStores {
  return {
    async open(id) {
      const store = await inner.open(id)
      if (id.name !== name) return store
      return {
        get position() {
          return store.position
        },
        getMany: async (keys) => {
          const values = await store.getMany(keys)
          return values.map((value, i) => value && change([keys[i] as Uint8Array, value])[1])
        },
        commit: (changes, position) => store.commit(changes, position),
        *entries() {
          for (const entry of entriesOf(store)) yield change(entry)
        },
        clear: () => store.clear(),
        close: () => store.close(),
      }
    },
  }
}

const flipped = (of: Uint8Array, at: number): Uint8Array => {
  const copy = Buffer.from(of)
  copy[at] = (copy[at] as number) ^ 0xff
  return copy
}
const waitingIn = (app: App): number | undefined => Object.values(app.metrics().pipelines)[0]?.waiting

const cut = (of: Uint8Array): Uint8Array => of.subarray(0, of.length - 1)

/** An application with one waiting event. */
async function waiting(log: Log<'exactly-once' | 'at-least-once'>, stores: StateStores): Promise<void> {
  await produce(log, activations, { key: 'a', value: { n: 1 } })
  const app = await run(notify(), { application: 'a', log, stores })
  await expect.poll(() => waitingIn(app)).toBe(1)
  await app.close()
}

const changes: Record<string, (entry: Entry) => Entry> = {
  'a kind of key that does not exist': ([key, value]) => [flipped(key, 1), value],
  'another format of keys': ([key, value]) => [flipped(key, 0), value],
  'another version': ([key, value]) => [key, flipped(value, 0)],
  'the end missing': ([key, value]) => [key, cut(value)],
  'a length that does not fit': ([key, value]) => [key, flipped(value, 17)],
}

describe('a store of waiting events that returns what was not written', () => {
  for (const [what, change] of Object.entries(changes))
    it(`such as ${what}, is named, and the changelog is not at fault`, async () => {
      const log = memoryLog()
      const stores = memoryStores()
      await waiting(log, stores)
      const app = await run(notify(), { application: 'a', log, stores: altered(stores, '$waiters', change) })
      await expect(app.closed).rejects.toMatchObject({
        code: 'STORE_CORRUPT',
        retriable: false,
        partition: 0,
        message: expect.stringMatching(
          /store \$waiters\[0\] returned an entry .*: delete what the store holds, and it is rebuilt/,
        ),
        cause: expect.objectContaining({ code: 'CHANGELOG_INVALID' }),
      })
      const again = await run(notify(), { application: 'a', log })
      await again.ready
      expect(waitingIn(again)).toBe(1)
      await again.close()
    })
})

describe('an entry that cannot be read', () => {
  const changelog = topic('a-changelog', { key: bytes(), value: bytes() })
  const [key, value, other] = ['key', 'value', 'other'].map((each) => Buffer.from(each)) as [Buffer, Buffer, Buffer]
  const invalid = new JoineryError('CHANGELOG_INVALID', 'a WAITER record is truncated or malformed')

  /** @returns the error for an entry of a store, after these records of the changelog and before one that follows OWNER */
  async function errorFor(values: readonly (Buffer | null)[], error: unknown = invalid): Promise<unknown> {
    const log = memoryLog({ topics: { [changelog.name]: { partitions: 1 } } })
    const records = [{ key: other, value: other }, ...values.map((each) => ({ key, value: each }))]
    await produce(log, changelog, ...records, { key, value: null })
    const [{ topic: name, id: topicId } = { topic: '', id: '' }] = await log.source.describe([changelog.name])
    const session = { changelog: { topic: name, partition: 0 }, token: { topicId, offset: records.length } }
    const { signal } = new AbortController()
    return damagedEntry(error, [key, value], { store: '$waiters', session, source: log.source, signal })
  }

  it('is the fault of the changelog if that has the same bytes, and else of the store', async () => {
    expect(await errorFor([value])).toBe(invalid)
    expect(await errorFor([other, value])).toBe(invalid)
    for (const values of [[], [other], [null], [value, other], [value, null]])
      expect(await errorFor(values)).toMatchObject({ code: 'STORE_CORRUPT', partition: 0, cause: invalid })
  })

  it('has its own error if that is about something else', async () => {
    const error = new JoineryError('DECODE_FAILED', 'no JSON')
    expect(await errorFor([], error)).toBe(error)
  })
})
