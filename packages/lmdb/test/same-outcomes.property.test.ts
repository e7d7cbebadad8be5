import { memoryStores } from '@joinery/core'
import type { StateStores } from '@joinery/core/store'
import { faultyStores, testDriver } from '@joinery/core/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lmdbStores } from '../src/index.js'
import { directories } from './support/directories.js'
import { events, information, joined, results, rows } from './support/pipeline.js'

const RUNS = Number(process.env.RUNS ?? 40)
const SEED = process.env.SEED === undefined ? undefined : Number(process.env.SEED)

const directory = directories()
const keys = ['a', 'b', 'c'] as const
const key = fc.constantFrom(...keys)

type Step =
  | { readonly step: 'row'; readonly key: string; readonly id: string | null }
  | { readonly step: 'event'; readonly key: string }
  | { readonly step: 'restart'; readonly how: 'clean' | 'crash' }

const history: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ step: fc.constant('row' as const), key, id: fc.option(fc.constantFrom('x', 'y')) }),
    },
    { weight: 5, arbitrary: fc.record({ step: fc.constant('event' as const), key }) },
    {
      weight: 2,
      arbitrary: fc.record({ step: fc.constant('restart' as const), how: fc.constantFrom('clean', 'crash') }),
    },
  ),
  { minLength: 1, maxLength: 25 },
)

/** @returns the outputs of an application for a history, and the final rows of its table */
async function outcomes(steps: readonly Step[], stores: StateStores): Promise<unknown> {
  await using driver = await testDriver(joined, { stores, partitions: 2 })
  const taken: unknown[] = []
  let n = 0
  for (const each of steps) {
    if (each.step === 'row')
      await driver.produce(rows, { key: each.key, value: each.id === null ? null : { id: each.id } })
    else if (each.step === 'event') await driver.produce(events, { key: each.key, value: { n: n++ } })
    else await driver.restart(each.how)
    taken.push(driver.consume(results).map(({ key: of, value }) => [of, value]))
  }
  const { in: read, emitted, waiting } = driver.metrics()
  const table = await Promise.all(keys.map((of) => driver.query(information).get(of)))
  return { taken, read, emitted, waiting, table }
}

describe('an application', () => {
  it('has the same outcomes with stores in LMDB as with in-memory stores, across restarts, crashes and failed commits', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.integer({ min: 2, max: 5 }), async (steps, every) => {
        await using stores = lmdbStores({ path: directory() })
        const failing = faultyStores(stores, {
          commit: (call, changes) => (call % every === 0 ? changes >> 1 : undefined),
        })
        expect(await outcomes(steps, failing)).toEqual(await outcomes(steps, memoryStores()))
      }),
      { numRuns: RUNS, ...(SEED !== undefined && { seed: SEED }) },
    )
  })
})
