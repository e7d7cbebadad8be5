import type { TopicInfo } from '@joinery/core/log'
import type { Random } from '../random.js'
import { chooseBrokers, type SimBrokers } from './broker-scenario.js'
import { chooseCalls, type SimCalls } from './call-scenario.js'
import { DEFAULT_TRANSACTIONS, type SimTransactions } from './transaction-scenario.js'

/** How a pipeline joins a table. */
export interface SimJoin {
  readonly table: string
  readonly kind: 'inner' | 'left'
  /** How long events wait. `undefined`: they do not. */
  readonly atMostMs: number | undefined
  /** Which rows are ready: all, those that are marked, or those that are marked or are accepted by the event. */
  readonly ready: 'always' | 'row' | 'event'
  readonly otherwise: 'drop' | 'dead-letter'
}

/** A chain of joins over one stream. */
export interface SimPipeline {
  readonly stream: string
  readonly sink: string
  readonly joins: readonly SimJoin[]
  readonly filters: boolean
  /** Bounds of the wait buffer. */
  readonly maxRecords: number
  readonly maxKiB: number
  readonly whenFull: 'pause' | 'dead-letter'
}

/** The topic of a table. */
export interface SimTable {
  readonly name: string
  readonly cleanup: TopicInfo['cleanup']
  readonly order: 'table-first' | 'by-timestamp'
}

/** The bound of each table in a process, or of all tables together. */
export interface SimBound {
  readonly option: 'maxBytes' | 'maxTableBytes'
  readonly bytes: number
}

/** Everything that differs from seed to seed. */
export interface Scenario extends SimBrokers {
  readonly partitions: number
  readonly processes: number
  readonly keys: readonly string[]
  readonly tables: readonly SimTable[]
  readonly pipelines: readonly SimPipeline[]
  /** The calls that it makes, if any. */
  readonly calls: SimCalls | undefined
  /** `core`: the in-memory stores of the library. The others are slow, and end with their process, outlive it, or are shared. */
  readonly stores: 'core' | 'memory' | 'disk' | 'shared'
  /** Decoded rows that are cached, per table and task. */
  readonly cachedRows: number
  readonly maxIdleMs: number | undefined
  /** The longest time until a commit. */
  readonly commitEveryMs: number
  /** The shortest time between two commits; `undefined`: every commit waits for `commitEveryMs`. */
  readonly commitMinMs: number | undefined
  readonly deleteRetentionMs: number
  readonly transactionTimeoutMs: number
  readonly codec: 'none' | 'gzip'
  /** Whether inputs are read by the simulated reader or by kafkaLog's own. */
  readonly reader: 'simulated' | 'kafkajs'
  /** How long each fetch of the reports of calls takes in addition, until all faults end. */
  readonly reportsLagMs: number
  /** Whether brokers freeze, one after the other and each for long, and nothing else happens. */
  readonly onlyFreezes: boolean
  readonly transactions: SimTransactions
  /** The partitions of the topics for results. */
  readonly sinkPartitions: number
  readonly maxResultBytes: number
  /** The bound of the tables, until traffic ends. */
  readonly bound: SimBound | undefined
}

/** The features that a history exercises. A seed is a different history for each. */
export const WORKLOADS = ['joins', 'calls'] as const
export type Workload = (typeof WORKLOADS)[number]

export const APPLICATION = 'sim'
export const DEAD = 'dead'

const STREAMS = [
  { stream: 'events', sink: 'results' },
  { stream: 'orders', sink: 'shipments' },
] as const
const TABLES = ['rows', 'prices', 'stock'] as const
/** Requests time out so late that it is noticed if nothing else ends them. */
const FREEZES_ONLY = {
  onlyFreezes: true,
  reader: 'kafkajs',
  stores: 'core',
  transactionTimeoutMs: 30_000,
  brokerSessionMs: 3_000,
  requestTimeoutMs: 40_000,
  endsFrozen: false,
  endsLeaderless: false,
} as const
const LARGE_RESULTS = 1_048_588

export function chooseScenario(random: Random, workload: Workload): Scenario {
  const scenario = chooseJoinScenario(random)
  if (workload === 'joins') return random.chance(0.1) ? withFreezesOnly(scenario) : withBound(scenario, random)
  const calls = chooseCalls(random)
  // kafkaLog's reader takes most of the time, and has little to do with calls
  const reader = random.chance(0.3) ? scenario.reader : 'simulated'
  const joins = calls.source === 'join-results' ? {} : { pipelines: [], tables: [] }
  const reportsLagMs = random.chance(0.15) ? random.between(1_000, 6_000) : 0
  return { ...scenario, ...joins, calls, reader, reportsLagMs }
}

/** @returns the scenario, in some cases with a bound of the tables. A row has about 31 bytes. */
function withBound(scenario: Scenario, random: Random): Scenario {
  if (!random.chance(0.15)) return scenario
  const option = random.chance(0.6) ? 'maxBytes' : 'maxTableBytes'
  return { ...scenario, bound: { option, bytes: random.between(40, 400) } }
}

/** @returns a scenario in which nothing but frozen brokers can delay a record */
function withFreezesOnly(scenario: Scenario): Scenario {
  const pipelines = scenario.pipelines.map((pipeline) => ({ ...pipeline, maxRecords: 1_000, maxKiB: 1_000 }))
  const { maxIdleMs = 0, commitEveryMs } = scenario
  return {
    ...scenario,
    ...FREEZES_ONLY,
    pipelines,
    maxIdleMs,
    commitEveryMs: Math.min(commitEveryMs, 100),
  }
}

function chooseJoinScenario(random: Random): Scenario {
  const possible = TABLES.slice(0, random.pick([1, 1, 1, 2, 2, 3])).map(
    (name): SimTable => ({
      name,
      cleanup: random.pick(['compact', 'compact', 'delete', 'compact,delete']),
      order: random.pick(['table-first', 'table-first', 'by-timestamp']),
    }),
  )
  const pipelines = STREAMS.slice(0, random.chance(0.25) ? 2 : 1).map((names) =>
    choosePipeline(random, names, possible),
  )
  const joined = new Set(pipelines.flatMap(({ joins }) => joins.map(({ table }) => table)))
  return {
    partitions: random.between(1, 4),
    processes: random.between(1, 3),
    keys: Array.from({ length: random.pick([2, 3, 5, 8, 20]) }, (_, i) => `k${i}`),
    tables: possible.filter(({ name }) => joined.has(name)),
    pipelines,
    calls: undefined,
    stores: random.pick(['core', 'memory', 'disk', 'shared']),
    cachedRows: random.pick([1, 3, 1_000]),
    maxIdleMs: random.pick([0, 0, 20, undefined]),
    commitEveryMs: random.pick([20, 100, 100, 400]),
    commitMinMs: random.pick([undefined, 5, 20, 20]),
    deleteRetentionMs: random.chance(0.3) ? 20_000 : 86_400_000,
    transactionTimeoutMs: random.pick([5_000, 30_000]),
    codec: random.chance(0.1) ? 'gzip' : 'none',
    reader: random.chance(0.3) ? 'kafkajs' : 'simulated',
    reportsLagMs: 0,
    sinkPartitions: random.between(1, 3),
    maxResultBytes: random.chance(0.2) ? 1_000 : LARGE_RESULTS,
    onlyFreezes: false,
    bound: undefined,
    transactions: DEFAULT_TRANSACTIONS,
    ...chooseBrokers(random.fork()),
  }
}

function choosePipeline(
  random: Random,
  names: Pick<SimPipeline, 'stream' | 'sink'>,
  tables: readonly SimTable[],
): SimPipeline {
  return {
    ...names,
    joins: chooseJoins(random, tables),
    filters: random.chance(0.2),
    maxRecords: random.chance(0.3) ? random.between(1, 5) : 1_000,
    maxKiB: random.chance(0.1) ? 1 : 1_000,
    whenFull: random.pick(['pause', 'pause', 'dead-letter']),
  }
}

/** @returns joins with some of the tables, each at most once, in any order */
function chooseJoins(random: Random, tables: readonly SimTable[]): SimJoin[] {
  const left = [...tables]
  const count = random.between(1, tables.length)
  return Array.from({ length: count }, (): SimJoin => {
    const [table] = left.splice(random.between(0, left.length - 1), 1) as [SimTable]
    return {
      table: table.name,
      kind: random.pick(['inner', 'inner', 'left']),
      atMostMs: random.chance(0.85) ? random.between(500, 15_000) : undefined,
      ready: random.pick(['always', 'row', 'row', 'event']),
      otherwise: random.pick(['dead-letter', 'dead-letter', 'drop']),
    }
  })
}
