import { type App, consume, type Log, memoryLog, produce, run } from '@joinery/core'
import type { LogSource } from '@joinery/core/log'
import { describe, expect, it } from 'vitest'
import { lmdbStores } from '../src/index.js'
import { directories } from './support/directories.js'
import { events, information, joined, results, rows } from './support/pipeline.js'

const ROWS = 300
const PARTITIONS = 2

const directory = directories()
const key = (i: number) => `key-${i}`
const keys = Array.from({ length: ROWS }, (_, i) => key(i))

/** @returns the same log, which records what was read from the topic of the table */
function observed({ source, sink, group, tasks }: Log): { log: Log; readRows: () => number } {
  const found = new Set<string>()
  const seen: LogSource = {
    describe: (topics) => source.describe(topics),
    endOffset: (at, kind) => source.endOffset(at, kind),
    earliestOffset: (at) => source.earliestOffset(at),
    async *read(from, signal) {
      for await (const batch of source.read(from, signal)) {
        if (from.topic === rows.name)
          for (const { partition, offset } of batch.records) found.add(`${partition}:${offset}`)
        yield batch
      }
    },
  }
  return {
    log: { source: seen, sink, group, tasks, [Symbol.asyncDispose]: async () => {} },
    readRows: () => found.size,
  }
}

const newLog = (cleanup: 'compact' | 'delete') =>
  memoryLog({
    topics: {
      ...Object.fromEntries([events, results].map(({ name }) => [name, { partitions: PARTITIONS }])),
      [rows.name]: { partitions: PARTITIONS, cleanup },
    },
  })

async function resultsOf(log: Log, count: number): Promise<string[]> {
  const found: string[] = []
  for await (const { value } of consume(log, results)) {
    found.push(`${value?.n}:${value?.id}`)
    if (found.length === count) break
  }
  return found.sort()
}

const idsIn = (app: App) => Promise.all(keys.map(async (each) => (await app.query(information).get(each))?.id))

describe.each(['compact', 'delete'] as const)(
  'an application with its rows in LMDB, from a topic of cleanup %s',
  (cleanup) => {
    it('reads none of them again after a restart, and joins events with them', async () => {
      const path = directory()
      await using log = newLog(cleanup)
      await produce(log, rows, ...keys.map((each, i) => ({ key: each, value: { id: `x${i}` } })))
      await produce(log, events, { key: 'late', value: { n: 1 } })
      for (let round = 0; round < 3; round++) {
        const { log: seen, readRows } = observed(log)
        await using stores = lmdbStores({ path })
        await using app = await run(joined, { application: 'app', log: seen, stores })
        await app.ready
        expect(readRows()).toBe(round === 0 ? ROWS : 0)
        await expect.poll(() => idsIn(app)).toEqual(keys.map((_, i) => `x${i}`)) // after the commit
        await expect.poll(() => app.metrics().pipelines.events).toMatchObject({ waiting: 1, emitted: 10 * round })
        await produce(
          log,
          events,
          ...keys.slice(0, 10).map((each, i) => ({ key: each, value: { n: 100 * round + i } })),
        )
        await expect.poll(() => app.metrics().pipelines.events).toMatchObject({ emitted: 10 * (round + 1) })
      }
      expect(await resultsOf(log, 30)).toHaveLength(30)
    })

    it('loses no row and no event if the stores are disposed of while it runs', async () => {
      const path = directory()
      await using log = newLog(cleanup)
      const early = keys.slice(0, ROWS / 2)
      await produce(log, rows, ...early.map((each) => ({ key: each, value: { id: 'old' } })))
      const stores = lmdbStores({ path })
      const app = await run(joined, { application: 'app', log, stores })
      await app.ready
      await expect.poll(async () => (await idsIn(app)).filter((id) => id === 'old').length).toBe(early.length)
      app.closed.catch(() => {}) // it may fail before it is awaited
      await stores[Symbol.asyncDispose]()
      await produce(log, rows, ...keys.map((each) => ({ key: each, value: { id: 'new' } })))
      await produce(log, events, ...keys.map((each, n) => ({ key: each, value: { n } })))
      await expect(app.closed).rejects.toMatchObject({ code: 'STORE_CLOSED' })

      const { log: seen, readRows } = observed(log)
      await using again = lmdbStores({ path })
      await using second = await run(joined, { application: 'app', log: seen, stores: again })
      await expect.poll(() => second.metrics().pipelines.events?.emitted, { timeout: 5_000 }).toBe(ROWS)
      expect(await idsIn(second)).toEqual(keys.map(() => 'new'))
      expect(readRows()).toBeLessThanOrEqual(ROWS)
      expect(new Set(await resultsOf(log, ROWS)).size).toBe(ROWS)
    })
  },
)
