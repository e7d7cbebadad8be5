import fc from 'fast-check'
import { describe, it } from 'vitest'
import type { ConsumerRecord } from '../../src/app/typed-records.js'
import {
  type CacheOptions,
  json,
  memoryLog,
  memoryStores,
  recordOrigin,
  stream,
  table,
  text,
  topic,
} from '../../src/index.js'
import type { Pipeline } from '../../src/pipeline/pipeline.js'
import {
  type CommitFault,
  faultyLog,
  faultyStores,
  joinOracle,
  type OracleJoin,
  type OracleOutcome,
  type TestDriver,
  testDriver,
} from '../../src/testing.js'
import { chains, type HistoryStep, histories, withoutDeletedRows } from './history.js'
import { Locations, sharedStores } from './shared-stores.js'

interface Event {
  readonly number: number
  readonly value: string
}
type Rows = readonly (string | null)[]

const events = topic('events', { key: text(), value: json<Event>() })
const results = topic('results', { key: text(), value: json<{ number: number; rows: Rows }>() })
const dead = events.named('events.dead')
const tables = Object.fromEntries(
  ['left', 'right'].map((name) => [name, topic(name, { key: text(), value: text() })] as const),
)

/** The second tier plays 1000, a night many more. */
const RUNS = Number(process.env.RUNS ?? 250)
const SEED = process.env.SEED === undefined ? undefined : Number(process.env.SEED)

/** @returns the same chain as a pipeline, which collects the rows in its value */
function pipeline(joins: readonly OracleJoin[]): Pipeline {
  const begin = stream(events).mapValues(({ number, value }) => ({ number, value, rows: [] as Rows }))
  type Collected = { number: number; value: string; rows: Rows }
  let chain: Pick<typeof begin, 'join' | 'leftJoin' | 'to'> = begin
  for (const { table: name, kind, wait } of joins) {
    const of = table(tables[name] as (typeof tables)[string])
    const collect = (event: Collected, row: string | undefined): Collected => ({
      ...event,
      rows: [...event.rows, row ?? null],
    })
    const options = wait && {
      atMost: `${wait.atMostMs}ms` as const,
      ...(wait.ready && { ready: (row: string) => wait.ready?.(row, '') as boolean }),
      ...(wait.maxRecords !== undefined && { maxRecords: wait.maxRecords }),
      ...(wait.whenFull !== undefined && {
        whenFull: wait.whenFull === 'pause' ? ('pause' as const) : { deadLetter: dead.name },
      }),
    }
    if (kind === 'left') chain = chain.leftJoin(of, collect, options && { wait: options })
    else {
      const otherwise = wait?.otherwise === 'dead-letter' ? { deadLetter: dead.name } : ('drop' as const)
      chain = chain.join(of, collect, options && { wait: { ...options, otherwise } })
    }
  }
  return chain.to(results)
}

/** The emitted and dead-lettered events, in the order of each topic. */
interface Observed {
  readonly emitted: { number: number; key: string | null; rows: Rows }[]
  readonly dead: { number: number; key: string | null; reason: string; ageMs: number }[]
}

/** @returns whether an output is not a duplicate by its origin; a duplicate must have the same value, as no row has changed */
function onceByOrigin(): (message: ConsumerRecord<string, unknown>) => boolean {
  const seen = new Map<number, unknown>()
  return ({ value, headers }) => {
    const { offset = -1 } = recordOrigin(headers) ?? {}
    const isNew = !seen.has(offset)
    if (!isNew) equal(value, seen.get(offset), 'a duplicate output')
    seen.set(offset, value)
    return isNew
  }
}

async function play(
  driver: TestDriver,
  joins: readonly OracleJoin[],
  history: readonly HistoryStep[],
  isCounted: (message: ConsumerRecord<string, unknown>) => boolean = () => true,
): Promise<Observed> {
  const observed: Observed = { emitted: [], dead: [] }
  let number = 0
  for (const step of history) {
    if (step.type === 'row') {
      if (!joins.some((join) => join.table === step.table)) continue
      await driver.produce(tables[step.table] as (typeof tables)[string], { key: step.key, value: step.value })
    } else if (step.type === 'event') {
      const value = step.value === null ? null : { number, value: step.value }
      number++
      await driver.produce(events, { key: step.key, value })
    } else if (step.type === 'advance') await driver.advance(`${step.ms}ms`)
    else await driver.restart(step.how)
    for (const { key, value } of driver.consume(results).filter(isCounted))
      observed.emitted.push({ number: value?.number ?? -1, key, rows: value?.rows ?? [] })
    const letters = [dead.name].flatMap((name) => {
      try {
        return driver.consumeDeadLetters(events.named(name))
      } catch {
        return [] // this chain writes no dead letters
      }
    })
    for (const { key, value, info } of letters)
      observed.dead.push({ number: value?.number ?? -1, key, reason: info.reason, ageMs: info.ageMs })
  }
  return observed
}

const byKey = <T extends { key: string | null }>(all: readonly T[]): Record<string, T[]> => {
  const keys: Record<string, T[]> = {}
  for (const each of all) keys[String(each.key)] = [...(keys[String(each.key)] ?? []), each]
  return keys
}

function compare(
  driver: TestDriver,
  joins: readonly OracleJoin[],
  history: readonly HistoryStep[],
  observed: Observed,
): void {
  const { outcomes, waiting } = joinOracle(joins, history)
  const of = (type: OracleOutcome['type']) => outcomes.filter((outcome) => outcome.type === type)
  equal(
    byKey(observed.emitted),
    byKey(
      of('emit').map(({ event, key, rows = [] }) => ({ number: event, key, rows: rows.map((found) => found ?? null) })),
    ),
    'emitted',
  )
  equal(
    byKey(observed.dead),
    byKey(
      of('dead-letter').map(({ event, key, reason, ageMs }) => ({ number: event, key, reason: reason ?? '', ageMs })),
    ),
    'dead-lettered',
  )
  const metrics = driver.metrics()
  const dropped: Record<string, number> = {}
  for (const { reason = '' } of of('drop')) dropped[reason] = (dropped[reason] ?? 0) + 1
  equal(metrics.dropped, dropped, 'dropped')
  const arrived = history.filter(({ type }) => type === 'event').length
  const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0)
  equal(
    metrics.in,
    metrics.emitted +
      metrics.waiting +
      sum(metrics.dropped as Record<string, number>) +
      sum(metrics.deadLettered as Record<string, number>),
    'in = emitted + dropped + dead-lettered + waiting',
  )
  equal(metrics.emitted, of('emit').length, 'metrics.emitted')
  // while a full wait buffer pauses the stream, its next events have arrived, but are not processed
  equal(arrived - metrics.in + metrics.waiting, waiting.length, 'waiting')
}

function equal(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(sorted(actual)), JSON.stringify(sorted(expected))]
  if (a !== b) throw new Error(`${what}: expected ${b}, as the oracle says, got ${a}`)
}

const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value

const parameters = { numRuns: RUNS, ...(SEED !== undefined && { seed: SEED }) }

describe('any chain with any history', () => {
  it('gives every event the same outcome as the oracle, across restarts too', async () => {
    await fc.assert(
      fc.asyncProperty(chains, histories, async (joins, history) => {
        await using driver = await testDriver(pipeline(joins), { now: 0 })
        compare(driver, joins, history, await play(driver, joins, history))
      }),
      parameters,
    )
  })

  it('does so when commits are rejected, fenced or unclear', async () => {
    const faults = fc.infiniteStream(
      fc.option(fc.constantFrom<CommitFault>('rejected', 'fenced', 'lost', 'written', 'fenced-written'), {
        freq: 3,
        nil: undefined,
      }),
    )
    await fc.assert(
      fc.asyncProperty(chains, histories, faults, async (joins, steps, commits) => {
        const history = withoutDeletedRows(joins, steps)
        let last: CommitFault | undefined
        await using driver = await testDriver(pipeline(joins), {
          now: 0,
          log: (clock) =>
            faultyLog(memoryLog({ clock, topics: { left: { cleanup: 'compact' }, right: { cleanup: 'compact' } } }), {
              commit: () => {
                last = last === undefined ? commits.next().value : undefined
                return last
              },
            }),
        })
        compare(driver, joins, history, await play(driver, joins, history))
      }),
      parameters,
    )
  })

  it('does so when rows are kept in the changelog, because the tables are ordinary topics', async () => {
    await fc.assert(
      fc.asyncProperty(chains, histories, async (joins, history) => {
        await using driver = await testDriver(pipeline(joins), { now: 0, log: (clock) => memoryLog({ clock }) })
        compare(driver, joins, history, await play(driver, joins, history))
      }),
      parameters,
    )
  })

  it('does so at least once when commits fail in every way: duplicates have the same origin', async () => {
    const faults = fc.infiniteStream(
      fc.option(fc.constantFrom<CommitFault>('rejected', 'fenced', 'lost', 'written', 'fenced-written', 'appended'), {
        freq: 3,
        nil: undefined,
      }),
    )
    await fc.assert(
      fc.asyncProperty(chains, histories, faults, async (joins, history, commits) => {
        const timeless = joins.map(({ table: name, kind }) => ({ table: name, kind }))
        let last: CommitFault | undefined
        await using driver = await testDriver(pipeline(timeless), {
          now: 0,
          guarantee: 'at-least-once',
          log: (clock) =>
            faultyLog(memoryLog({ clock, topics: { left: { cleanup: 'compact' }, right: { cleanup: 'compact' } } }), {
              commit: () => {
                last = last === undefined ? commits.next().value : undefined
                return last
              },
            }),
        })
        compare(driver, timeless, history, await play(driver, timeless, history, onceByOrigin()))
      }),
      parameters,
    )
  })

  it('does so with a small row cache and asynchronous stores, when commits fail in every way', async () => {
    const faults = fc.infiniteStream(
      fc.option(fc.constantFrom<CommitFault>('rejected', 'fenced', 'lost', 'written', 'fenced-written'), {
        freq: 3,
        nil: undefined,
      }),
    )
    const caches = fc.constantFrom<CacheOptions>({ rows: 1 }, { rows: 2 }, { rows: 5 }, { bytes: '1KiB' }, false)
    await fc.assert(
      fc.asyncProperty(chains, histories, faults, caches, async (joins, steps, commits, cache) => {
        const history = withoutDeletedRows(joins, steps)
        let last: CommitFault | undefined
        await using driver = await testDriver(pipeline(joins), {
          now: 0,
          cache,
          stores: sharedStores(new Locations(), 'location'),
          log: (clock) =>
            faultyLog(memoryLog({ clock, topics: { left: { cleanup: 'compact' }, right: { cleanup: 'compact' } } }), {
              commit: () => {
                last = last === undefined ? commits.next().value : undefined
                return last
              },
            }),
        })
        compare(driver, joins, history, await play(driver, joins, history))
      }),
      { ...parameters, numRuns: Math.ceil(RUNS / 4) },
    )
  })

  it('does so when stores fail after writing part of a commit', async () => {
    const faults = fc.infiniteStream(fc.option(fc.nat(3), { freq: 3, nil: undefined }))
    await fc.assert(
      fc.asyncProperty(chains, histories, faults, async (joins, history, commits) => {
        // a retry moves the clock, so chains that do not wait are compared: their outcomes do not depend on time
        const timeless = joins.map(({ table: name, kind }) => ({ table: name, kind }))
        let failed = false
        await using driver = await testDriver(pipeline(timeless), {
          now: 0,
          stores: faultyStores(memoryStores(), {
            commit: () => {
              const written = failed ? undefined : commits.next().value
              failed = written !== undefined
              return written
            },
          }),
        })
        compare(driver, timeless, history, await play(driver, timeless, history))
      }),
      parameters,
    )
  })
})
