import { json, type Pipeline, stream, type Table, type Topic, table, text, topic } from '@joinery/core'
import type { Random } from './random.js'

/** An event's value. */
export interface SimEvent {
  readonly number: number
}

/** A row's value: versions of a key only rise. */
export interface SimRow {
  readonly version: number
  readonly isReady: boolean
}

/** What comes out: the event, and the version of each row that it met. */
export interface SimResult extends SimEvent {
  readonly rows: readonly (number | null)[]
}

export const EVENTS: Topic<string, SimEvent> = topic('events', { key: text(), value: json<SimEvent>() })
export const RESULTS: Topic<string, SimResult> = topic('results', { key: text(), value: json<SimResult>() })
export const DEAD = 'events.dead'

/** What differs from seed to seed. */
export interface Scenario {
  readonly partitions: number
  readonly processes: number
  readonly keys: readonly string[]
  readonly tables: readonly SimTable[]
  /** Whether stores outlive their process. */
  readonly isDurable: boolean
  readonly maxRecords: number
  readonly deleteRetentionMs: number
}

/** A table, and how it is joined. */
export interface SimTable {
  readonly name: string
  readonly cleanup: 'compact' | 'delete'
  readonly start: 'table-first' | 'by-timestamp'
  readonly kind: 'inner' | 'left'
  readonly atMostMs: number | undefined
}

export function chooseScenario(random: Random): Scenario {
  const names = random.chance(0.4) ? ['rows', 'prices'] : ['rows']
  return {
    partitions: random.between(1, 3),
    processes: random.between(1, 3),
    keys: Array.from({ length: random.between(2, 8) }, (_, i) => `k${i}`),
    tables: names.map((name) => ({
      name,
      cleanup: random.pick(['compact', 'compact', 'delete'] as const),
      start: random.pick(['table-first', 'table-first', 'by-timestamp'] as const),
      kind: random.pick(['inner', 'inner', 'left'] as const),
      atMostMs: random.chance(0.85) ? random.between(500, 15_000) : undefined,
    })),
    isDurable: random.chance(0.5),
    maxRecords: random.chance(0.3) ? random.between(1, 5) : 1_000,
    deleteRetentionMs: random.chance(0.3) ? 20_000 : 86_400_000,
  }
}

/** The scenario's tables. */
export function tablesOf({ tables }: Scenario): Table<string, SimRow>[] {
  return tables.map(({ name, start }) => table(topic(name, { key: text(), value: json<SimRow>() }), { start }))
}

/** The scenario's pipeline. */
export function pipelineOf({ tables, maxRecords }: Scenario, of: readonly Table<string, SimRow>[]): Pipeline {
  type Collected = SimEvent & { readonly rows: readonly (number | null)[] }
  const begin = stream(EVENTS, { onError: { deadLetter: DEAD } }).mapValues(
    ({ number }): Collected => ({ number, rows: [] }),
  )
  let chain: Pick<typeof begin, 'join' | 'leftJoin' | 'to'> = begin
  for (const [i, { kind, atMostMs }] of tables.entries()) {
    const rows = of[i] as Table<string, SimRow>
    const collect = (event: Collected, row: SimRow | undefined): Collected => ({
      number: event.number,
      rows: [...event.rows, row?.version ?? null],
    })
    const wait = atMostMs === undefined ? undefined : { atMost: `${atMostMs}ms` as const, ready, maxRecords }
    if (kind === 'left') chain = chain.leftJoin(rows, collect, wait && { wait })
    else chain = chain.join(rows, collect, wait && { wait: { ...wait, otherwise: { deadLetter: DEAD } } })
  }
  return chain.to(RESULTS)
}

const ready = ({ isReady }: SimRow): boolean => isReady
