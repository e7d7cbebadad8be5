import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { type AppEvent, memoryLog, type NewRecord, run, stream, table, text, topic } from '../../src/index.js'

const serdes = { key: text(), value: text() }
const events = topic('events', serdes)
const rows = topic('rows', serdes)
const results = topic('results', serdes)
const pipeline = stream(events, { name: 'activate' })
  .leftJoin(table(rows), (value, row) => `${value}+${row}`)
  .to(results)
const PARTITIONS = 4
const COUNT = 600
const LIMIT = { timeout: 5_000, interval: 5 }
const byCrc32 = (key: Uint8Array) => crc32(key) % PARTITIONS

/** An application whose topics were filled by producers with these partitioners; `undefined`: the default. */
async function running(partition: { readonly events?: typeof byCrc32; readonly rows?: typeof byCrc32 }) {
  const log = memoryLog({
    topics: {
      events: { partitions: PARTITIONS },
      rows: { partitions: PARTITIONS, cleanup: 'compact' },
    },
  })
  for (const to of ['rows', 'events'] as const) {
    const records = Array.from({ length: COUNT }, (_, i): NewRecord => {
      const key = Buffer.from(`k${i}`)
      const chosen = partition[to] && { partition: partition[to](key) }
      return { topic: to, key, value: Buffer.from('v'), timestamp: 0, headers: [], ...chosen }
    })
    await log.sink.append(records)
  }
  const seen: AppEvent[] = []
  const app = await run(pipeline, { application: 'a', log, onEvent: (event) => seen.push(event) })
  await expect.poll(() => app.metrics().pipelines.activate?.in, LIMIT).toBe(COUNT)
  return { app, differences: seen.filter(({ type }) => type === 'keys-differ') }
}

describe('an application whose keys never meet', () => {
  it('reports that as a problem, an event and a metric', async () => {
    const { app, differences } = await running({ events: byCrc32 })
    await using _ = app
    const reason = expect.stringContaining("those of events where CRC32 (librdkafka's default) puts them")
    expect(differences).toEqual([{ type: 'keys-differ', pipeline: 'activate', table: 'rows', reason }])
    expect(app.health()).toMatchObject({
      state: 'running',
      problems: [expect.stringMatching(/^pipeline activate and table rows cannot match: equal keys lie in different/)],
    })
    expect(app.metrics().gauges).toMatchObject({ joinsWithoutMatches: 1 })
  })

  it('reports nothing if both sides have the same partitioner, whichever it is', async () => {
    for (const partitioners of [{}, { events: byCrc32, rows: byCrc32 }]) {
      const { app, differences } = await running(partitioners)
      await using _ = app
      expect(differences).toEqual([])
      expect(app.health().problems).toEqual([])
      expect(app.metrics().gauges).toMatchObject({ joinsWithoutMatches: 0 })
      expect(app.metrics().pipelines.activate?.joined).toEqual({ rows: COUNT })
    }
  })
})
