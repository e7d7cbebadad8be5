import { describe, expect, it } from 'vitest'
import { consume } from '../../src/app/consume.js'
import { produce } from '../../src/app/produce.js'
import { json, memoryLog, memoryStores, run, stream, table, text, topic } from '../../src/index.js'
import { keyText, type StateStore, type StateStores } from '../../src/store.js'

const events = topic('events', { key: text(), value: json<{ id: number }>() })
const rows = topic('rows', { key: text(), value: json<{ of: string }>() })
const results = topic('results', { key: text(), value: json<unknown>() })
const dead = topic('dead', { key: text(), value: json<unknown>() })

const pipeline = stream(events, { onError: { deadLetter: dead.name } })
  .join(table(rows), ({ id }, { of }) => ({ id, of }))
  .to(results)

type Reading = (found: readonly (Uint8Array | undefined)[], keys: readonly Uint8Array[]) => unknown

/** Stores whose reads of rows return something else. */
function reading(results: Reading): StateStores {
  const inner = memoryStores()
  return {
    async open(id) {
      const store = await inner.open(id)
      if (id.name !== rows.name) return store
      const wrong: StateStore = {
        get position() {
          return store.position
        },
        getMany: async (keys) => results(await store.getMany(keys), keys) as never,
        commit: (changes, position) => store.commit(changes, position),
        entries: () => store.entries(),
        clear: () => store.clear(),
        close: () => store.close(),
      }
      return wrong
    },
  }
}

describe('a store that returns something else than its contract says', () => {
  it.each<[string, Reading, string]>([
    ['only the rows that there are', (found) => found.filter((row) => row !== undefined), '1 values for 2 keys'],
    ['a Map', (found, keys) => new Map(keys.map((key, i) => [keyText(key), found[i]])), 'a Map'],
    ['texts', (found) => found.map((row) => row && Buffer.from(row).toString()), 'a string as value'],
    ['null for no row', (found) => found.map((row) => row ?? null), 'null as value'],
  ])('ends the application, without a wrong output or a dead letter: %s', async (_, wrong, found) => {
    const log = memoryLog()
    await produce(log, rows, { key: 'b', value: { of: 'b' } })
    const before = await run(pipeline, { application: 'a', log })
    await before.ready
    await before.close() // from now on the row is read from the store
    await produce(log, events, { key: 'a', value: { id: 1 } }, { key: 'b', value: { id: 2 } })
    const app = await run(pipeline, { application: 'a', log, stores: reading(wrong), cache: false })
    await expect(app.closed).rejects.toMatchObject({
      code: 'STORE_FAILED',
      retriable: false,
      partition: 0,
      message: expect.stringContaining(`getMany of store rows[0] returned ${found}`),
    })
    const written: unknown[] = []
    for (const topic of [results, dead])
      for await (const record of consume(log, topic, { until: 'end' })) written.push(record)
    expect(written).toEqual([])
  })

  it('ends the application if open returns nothing', async () => {
    const app = await run(pipeline, { application: 'a', log: memoryLog(), stores: { open: () => undefined as never } })
    await expect(app.closed).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringMatching(/open of store \S+\[0\] returned undefined, but must return a StateStore/),
    })
  })
})
