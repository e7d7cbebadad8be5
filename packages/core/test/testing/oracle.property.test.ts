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
import { chains, type HistoryStep, histories, withoutLosses } from './history.js'
import { Places, placeStores } from './place-stores.js'

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

/** The same chain for the library, with a value that collects the rows. */
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

/** What came out since the last step: emitted and dead-lettered events, in the order of each topic. */
interface Seen {
  readonly emitted: { number: number; key: string | null; rows: Rows }[]
  readonly dead: { number: number; key: string | null; reason: string; ageMs: number }[]
}

/** Tells what comes again by its origin; and it is the same, because no row has come meanwhile. */
function onceByOrigin(): (message: ConsumerRecord<string, unknown>) => boolean {
  const seen = new Map<number, unknown>()
  return ({ value, headers }) => {
    const { offset = -1 } = recordOrigin(headers) ?? {}
    const isNew = !seen.has(offset)
    if (!isNew) equal(value, seen.get(offset), 'an output that came again')
    seen.set(offset, value)
    return isNew
  }
}

async function play(
  driver: TestDriver,
  joins: readonly OracleJoin[],
  history: readonly HistoryStep[],
  isCounted: (message: ConsumerRecord<string, unknown>) => boolean = () => true,
): Promise<Seen> {
  const seen: Seen = { emitted: [], dead: [] }
  let number = 0
  for (const step of history) {
    if (step.step === 'row') {
      if (!joins.some((join) => join.table === step.table)) continue
      await driver.produce(tables[step.table] as (typeof tables)[string], { key: step.key, value: step.value })
    } else if (step.step === 'event') {
      const value = step.value === null ? null : { number, value: step.value }
      number++
      await driver.produce(events, { key: step.key, value })
    } else if (step.step === 'advance') await driver.advance(`${step.ms}ms`)
    else await driver.restart(step.how)
    for (const { key, value } of driver.consume(results).filter(isCounted))
      seen.emitted.push({ number: value?.number ?? -1, key, rows: value?.rows ?? [] })
    const letters = [dead.name].flatMap((name) => {
      try {
        return driver.consumeDeadLetters(events.named(name))
      } catch {
        return [] // this chain has no dead letters
      }
    })
    for (const { key, value, info } of letters)
      seen.dead.push({ number: value?.number ?? -1, key, reason: info.reason, ageMs: info.ageMs })
  }
  return seen
}

const byKey = <T extends { key: string | null }>(all: readonly T[]): Record<string, T[]> => {
  const keys: Record<string, T[]> = {}
  for (const each of all) keys[String(each.key)] = [...(keys[String(each.key)] ?? []), each]
  return keys
}

function compare(driver: TestDriver, joins: readonly OracleJoin[], history: readonly HistoryStep[], seen: Seen): void {
  const { outcomes, waiting } = joinOracle(joins, history)
  const of = (does: OracleOutcome['does']) => outcomes.filter((outcome) => outcome.does === does)
  equal(
    byKey(seen.emitted),
    byKey(
      of('emit').map(({ event, key, rows = [] }) => ({ number: event, key, rows: rows.map((found) => found ?? null) })),
    ),
    'emitted',
  )
  equal(
    byKey(seen.dead),
    byKey(
      of('dead-letter').map(({ event, key, reason, ageMs }) => ({ number: event, key, reason: reason ?? '', ageMs })),
    ),
    'dead-lettered',
  )
  const metrics = driver.metrics()
  const dropped: Record<string, number> = {}
  for (const { reason = '' } of of('drop')) dropped[reason] = (dropped[reason] ?? 0) + 1
  equal(metrics.dropped, dropped, 'dropped')
  const taken = history.filter(({ step }) => step === 'event').length
  const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0)
  equal(
    metrics.in,
    metrics.emitted +
      metrics.waiting +
      sum(metrics.dropped as Record<string, number>) +
      sum(metrics.deadLettered as Record<string, number>),
    'the identity of outcomes',
  )
  equal(metrics.emitted, of('emit').length, 'metrics.emitted')
  // events before a full waiting room are still the stream's
  equal(taken - metrics.in + metrics.waiting, waiting.length, 'waiting')
}

function equal(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(sorted(actual)), JSON.stringify(sorted(expected))]
  if (a !== b) throw new Error(`${what}: ${a}, the oracle says ${b}`)
}

const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value

const parameters = { numRuns: RUNS, ...(SEED !== undefined && { seed: SEED }) }

describe('any chain over any history', () => {
  it('gives every event the outcome that the oracle gives it, over restarts too', async () => {
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
        const history = withoutLosses(joins, steps)
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

  it('does so at least once when commits fail in every way: what comes again has the same origin', async () => {
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

  it('does so with few rows decoded above stores that answer later, when commits fail in every way', async () => {
    const faults = fc.infiniteStream(
      fc.option(fc.constantFrom<CommitFault>('rejected', 'fenced', 'lost', 'written', 'fenced-written'), {
        freq: 3,
        nil: undefined,
      }),
    )
    const caches = fc.constantFrom<CacheOptions>({ rows: 1 }, { rows: 2 }, { rows: 5 }, { bytes: '1KiB' }, false)
    await fc.assert(
      fc.asyncProperty(chains, histories, faults, caches, async (joins, steps, commits, cache) => {
        const history = withoutLosses(joins, steps)
        let last: CommitFault | undefined
        await using driver = await testDriver(pipeline(joins), {
          now: 0,
          cache,
          stores: placeStores(new Places(), 'place'),
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

  it('does so when stores write half of a commit and fail', async () => {
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
