import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type App, consume, type Log, memoryLog, produce, run } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { lmdbStores } from '../src/index.js'
import { noise, overwrite, overwritePages, PAGE, replace } from './support/damage.js'
import { directories } from './support/directories.js'
import { events, joined, results, rows } from './support/pipeline.js'

const KEYS = 200
/** The rows of these keys come after their events. */
const LATE = 150

const directory = directories()
const keys = Array.from({ length: KEYS }, (_, i) => `key-${i}`)
const late = keys.slice(LATE)
const options = { application: 'app' }

const damages: Record<string, (file: string) => void> = {
  'three bytes of each page are overwritten': (file) => overwritePages(file, 2_000, Buffer.alloc(3, 0xff)),
  'the ends of pages are overwritten': (file) => overwritePages(file, PAGE - 20, Buffer.alloc(20, 0xff)),
  'the pages are noise': (file) => overwrite(file, 2 * PAGE, noise(statSync(file).size - 2 * PAGE)),
  'the numbers of free pages are others': (file) => overwritePages(file, PAGE - 11, Buffer.from('9')),
  'a row is another': (file) => replace(file, 'of key-10"', 'of key-11"'),
  'a waiting event is another': (file) => replace(file, `"n":${LATE}`, `"n":${LATE + 1}`),
}

const metrics = (app: App) => app.metrics().pipelines.events

/** An application with rows, with events that were joined and with events that wait; it is still running. */
async function started(log: Log, path: string, onWarning: (message: string) => void) {
  const stores = lmdbStores({ path, onWarning })
  const app = await run(joined, { ...options, log, stores })
  await app.ready
  await produce(log, rows, ...keys.slice(0, LATE).map((key) => ({ key, value: { id: `of ${key}` } })))
  await produce(log, events, ...keys.map((key, n) => ({ key, value: { n } })))
  await expect.poll(() => metrics(app)).toMatchObject({ emitted: LATE, waiting: late.length })
  return { app, stores }
}

/** Sends the late rows, and an event for each key: all come out once, each with the row of its key. */
async function isComplete(log: Log, app: App): Promise<void> {
  await produce(log, rows, ...late.map((key) => ({ key, value: { id: `of ${key}` } })))
  await produce(log, events, ...keys.map((key, i) => ({ key, value: { n: KEYS + i } })))
  await expect.poll(() => metrics(app)?.emitted).toBe(2 * KEYS)
  const found: string[] = []
  for await (const { key, value } of consume(log, results)) {
    expect(value?.id).toBe(`of ${key}`)
    found.push(`${key} ${value?.n}`)
    if (found.length === 2 * KEYS) break
  }
  expect(new Set(found).size).toBe(2 * KEYS)
}

describe.each(['compact', 'delete'] as const)('an application with a table of cleanup %s', (cleanup) => {
  const newLog = () => memoryLog({ topics: { [rows.name]: { cleanup } } })

  for (const [what, damage] of Object.entries(damages)) {
    it(`loses no row and no waiting event if ${what} while it is stopped`, async () => {
      const path = directory()
      await using log = newLog()
      const warnings: string[] = []
      const warn = (message: string) => warnings.push(message)
      const { app, stores } = await started(log, path, warn)
      await app.close()
      await stores[Symbol.asyncDispose]()
      damage(join(path, 'data.mdb'))
      await using again = lmdbStores({ path, onWarning: warn })
      await using second = await run(joined, { ...options, log, stores: again })
      await second.ready
      await isComplete(log, second)
      expect(warnings).toHaveLength(1)
    })
  }

  it('continues after damage that it notices while it runs', async () => {
    const path = directory()
    await using log = newLog()
    const warnings: string[] = []
    const { app, stores } = await started(log, path, (message) => warnings.push(message))
    overwritePages(join(path, 'data.mdb'), 18, Buffer.from([0]))
    await isComplete(log, app)
    expect(warnings).toHaveLength(1)
    await app.close()
    await stores[Symbol.asyncDispose]()
  })

  it('ends with STORE_CORRUPT if damaged files are to be kept, and the changelog is not at fault', async () => {
    const path = directory()
    await using log = newLog()
    const { app, stores } = await started(log, path, () => {})
    await app.close()
    await stores[Symbol.asyncDispose]()
    replace(join(path, 'data.mdb'), `"n":${LATE}`, `"n":${LATE + 1}`)
    await using again = lmdbStores({ path, onDamage: 'fail' })
    const failed = await run(joined, { ...options, log, stores: again })
    await expect(failed.closed).rejects.toMatchObject({ code: 'STORE_CORRUPT', retriable: false })
  })
})
