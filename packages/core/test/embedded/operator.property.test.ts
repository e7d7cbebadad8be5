import fc from 'fast-check'
import { describe, it } from 'vitest'
import type { ConsumerRecord } from '../../src/app/typed-records.js'
import { json, memoryStores, type NewRecord, stream, table, text, topic } from '../../src/index.js'
import type { Pipeline } from '../../src/pipeline/pipeline.js'
import { faultyStores, ManualClock, type OracleJoin, type TestDriver, testDriver } from '../../src/testing.js'
import { chains, type HistoryStep, histories, withoutDeletedRows } from '../testing/history.js'
import { durableStores } from './records.js'
import { type CrashPoint, type Keeping, TestConsumer } from './test-consumer.js'

/** The second tier plays 1000, a night many more. */
const RUNS = Number(process.env.RUNS ?? 250)
const SEED = process.env.SEED === undefined ? undefined : Number(process.env.SEED)

const events = topic('events', { key: text(), value: text() })
const results = topic('results', { key: text(), value: json<readonly (string | null)[]>() })
const DEAD = 'events.dead'

function pipeline(joins: readonly OracleJoin[]): Pipeline {
  const begin = stream(events).mapValues((value): readonly (string | null)[] => [value])
  let chain: Pick<typeof begin, 'join' | 'leftJoin' | 'to'> = begin
  for (const { table: name, kind, wait } of joins) {
    const of = table(topic(name, { key: text(), value: text() }))
    const collect = (found: readonly (string | null)[], row: string | undefined) => [...found, row ?? null]
    const options = wait && {
      atMost: `${wait.atMostMs}ms` as const,
      ...(wait.ready && { ready: (row: string) => wait.ready?.(row, '') as boolean }),
      ...(wait.maxRecords !== undefined && { maxRecords: wait.maxRecords }),
      ...(wait.whenFull !== undefined && {
        whenFull: wait.whenFull === 'pause' ? ('pause' as const) : { deadLetter: DEAD },
      }),
    }
    if (kind === 'left') chain = chain.leftJoin(of, collect, options && { wait: options })
    else {
      const otherwise = wait?.otherwise === 'dead-letter' ? { deadLetter: DEAD } : ('drop' as const)
      chain = chain.join(of, collect, options && { wait: { ...options, otherwise } })
    }
  }
  return chain.to(results)
}

/** By topic and key, what came out, in its order. */
type Outputs = Readonly<Record<string, readonly string[]>>
const outputsOf = (
  all: readonly { readonly topic: string; readonly key: string | null; readonly value: string }[],
): Outputs => {
  const found: Record<string, string[]> = {}
  for (const { topic: of, key, value } of all) {
    const id = `${of} ${key}`
    found[id] = [...(found[id] ?? []), value]
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)))
}
const textOf = (bytes: Uint8Array | null): string => (bytes === null ? '' : Buffer.from(bytes).toString())
const ofRecords = (records: readonly NewRecord[]): Outputs =>
  outputsOf(records.map(({ topic: of, key, value }) => ({ topic: of, key: key && textOf(key), value: textOf(value) })))

/** What `run` makes of a history. */
async function run(driver: TestDriver, joins: readonly OracleJoin[], history: readonly HistoryStep[]) {
  const raw = { key: text(), value: text() }
  const found: (ConsumerRecord<string, string> & { readonly topic: string })[] = []
  for (const step of history) {
    if (step.type === 'row') {
      if (joins.some((join) => join.table === step.table))
        await driver.produce(topic(step.table, raw), { key: step.key, value: step.value })
    } else if (step.type === 'event') await driver.produce(topic('events', raw), { key: step.key, value: step.value })
    else if (step.type === 'advance') await driver.advance(`${step.ms}ms`)
    else await driver.restart(step.how)
  }
  for (const name of [results.name, ...(pipeline(joins).describe().outputs.includes(DEAD) ? [DEAD] : [])])
    found.push(...driver.consume(topic(name, raw)).map((message) => ({ ...message, topic: name })))
  const outputs = outputsOf(found.map(({ topic: of, key, value }) => ({ topic: of, key, value: value ?? '' })))
  return { outputs, metrics: driver.metrics() }
}

/** What a consumer with an operator makes of it. */
async function consume(
  joins: readonly OracleJoin[],
  history: readonly HistoryStep[],
  keeping: Keeping,
  crash: () => CrashPoint | undefined,
) {
  const consumer = new TestConsumer(pipeline(joins), new ManualClock(0), keeping, crash)
  for (const step of history) {
    if (step.type === 'row') {
      if (joins.some((join) => join.table === step.table)) await consumer.send(step.table, step.key, step.value)
    } else if (step.type === 'event') await consumer.send('events', step.key, step.value)
    else if (step.type === 'advance') await consumer.advance(step.ms)
    else await consumer.restart()
  }
  return { outputs: ofRecords(consumer.outputsOnce), all: consumer.outputs.length, metrics: await consumer.metrics() }
}

function equal(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (a !== b) throw new Error(`${what}: the operator says ${a}, run says ${b}`)
}

const parameters = { numRuns: RUNS, ...(SEED !== undefined && { seed: SEED }) }
const crashes = fc.infiniteStream(
  fc.option(fc.constantFrom<CrashPoint>('processed', 'produced half', 'produced', 'committed'), {
    freq: 3,
    nil: undefined,
  }),
)
const noCrash = () => undefined

describe('the same history through run and through an operator', () => {
  const compare = async (
    joins: readonly OracleJoin[],
    history: readonly HistoryStep[],
    keeping: Keeping,
    crash: () => CrashPoint | undefined,
    countsToo = true,
  ) => {
    await using driver = await testDriver(pipeline(joins), { now: 0 })
    const expected = await run(driver, joins, history)
    const actual = await consume(joins, history, keeping, crash)
    equal(actual.outputs, expected.outputs, 'outputs')
    if (countsToo) equal(actual.metrics, expected.metrics, 'metrics')
  }

  it('gives the same outputs and the same counts', async () => {
    await fc.assert(
      fc.asyncProperty(chains, histories, (joins, history) =>
        compare(joins, history, { stores: durableStores, inChangelog: false }, noCrash),
      ),
      parameters,
    )
  })

  it('does so when the process ends between any two steps: what comes again has the same origin', async () => {
    await fc.assert(
      fc.asyncProperty(chains, histories, crashes, (joins, steps, ends) =>
        compare(
          joins,
          withoutDeletedRows(joins, steps),
          { stores: durableStores, inChangelog: false },
          () => ends.next().value,
        ),
      ),
      parameters,
    )
  })

  it('does so when state is in a changelog, which may lack the end of a step', async () => {
    await fc.assert(
      fc.asyncProperty(chains, histories, crashes, (joins, steps, ends) =>
        compare(
          joins,
          withoutDeletedRows(joins, steps),
          { stores: memoryStores, inChangelog: true },
          () => ends.next().value,
        ),
      ),
      parameters,
    )
  })

  it('gives the same outputs when stores keep a part of a commit, too', async () => {
    const faults = fc.infiniteStream(fc.option(fc.nat(3), { freq: 3, nil: undefined }))
    await fc.assert(
      fc.asyncProperty(chains, histories, crashes, faults, (joins, steps, ends, commits) => {
        const stores = () => {
          let failed = false
          return faultyStores(durableStores(), {
            commit: () => {
              const written = failed ? undefined : commits.next().value
              failed = written !== undefined
              return written
            },
          })
        }
        return compare(
          joins,
          withoutDeletedRows(joins, steps),
          { stores, inChangelog: false },
          () => ends.next().value,
          false,
        )
      }),
      parameters,
    )
  })
})
