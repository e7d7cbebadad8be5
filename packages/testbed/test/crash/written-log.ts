import type { Totals } from '../../src/changelog-records.js'
import { type History, historyOf, inputsOf, topicsOf } from '../../src/crash/history.js'
import { ACTIVATION_WAIT_MS, ORDER_WAIT_MS, service } from '../../src/crash/service.js'
import type { AcknowledgedEvents } from '../../src/crash/traffic.js'
import type { RawBatch, RawRecord } from '../../src/wire/record-batches.js'

const T0 = 1_700_000_000_000
const PRODUCER = 7

/** A record without its offset, which follows from its place in the log. */
export interface Written {
  topic: string
  key: string | null
  value: string | null
  timestamp: number
  headers: [string, string][]
}

/** A commit of the only task. */
export interface WrittenCommit {
  /** The next offsets of the inputs in POSITION. */
  next: Record<string, number>
  at: number
  totals: Record<string, Totals>
  waits: { pipeline: string; offset: number; arrival: number | undefined }[]
  rows: { key: string; value: string | null }[]
  outputs: Written[]
  /** If false, the transaction has no POSITION. */
  hasPosition: boolean
  end: 'commit' | 'abort' | 'open'
  epoch: number
}

/** A small, correct log of one task. Tests introduce one mistake into it. */
export interface WrittenLog {
  inputs: Record<string, Written[]>
  commits: WrittenCommit[]
  acknowledged: { ids: Map<string, number[]>; failures: number }
  tables: Record<string, Record<string, number>>
}

export const of: ReturnType<typeof service> = service('s')
const { activations, orders, information, customers, notifications, enriched, dead } = of
const [A, O, I, C] = [activations.name, orders.name, information.name, customers.name]

/** Commits with everything: rows, waiting, waking, expiry, all kinds of dead letters, drops. */
export function rightLog(): WrittenLog {
  const event = (topic: string, id: number, key: string | null, value: unknown): Written => ({
    topic,
    key,
    value: value === null ? null : typeof value === 'string' ? value : JSON.stringify(value),
    timestamp: T0 + id,
    headers: [['id', String(id)]],
  })
  const row = (topic: string, key: string, version: number | null, at: number): Written => ({
    topic,
    key,
    value: version === null ? null : JSON.stringify({ version }),
    timestamp: at,
    headers: [],
  })
  const inputs = {
    [I]: [row(I, 'p0', 1, T0), row(I, 'p1', 1, T0), row(I, 'late', 1, T0 + 500), row(I, 'p0', 2, T0 + 600)],
    [C]: [row(C, 'c0', 1, T0), row(C, 'c1', 1, T0 + 500), row(C, 'c1', null, T0 + 510)],
    [A]: [
      event(A, 0, 'p0', { id: 0 }),
      event(A, 1, 'late', { id: 1 }),
      event(A, 2, 'never', { id: 2 }),
      event(A, 3, 'p0', null),
      event(A, 4, 'p1', { id: 4, isBad: true }),
      event(A, 5, 'p1', '{'),
      event(A, 6, 'late', { id: 6 }),
      event(A, 7, 'p0', { id: 7 }),
    ],
    [O]: [event(O, 10, 'c0', { id: 10 }), event(O, 11, 'nobody', { id: 11 })],
  }
  const origin = (topic: string, offset: number): [string, string] => ['joinery-origin', `s/${topic}/0/${offset}`]
  const result = (sink: string, topic: string, offset: number, version: number | null): Written => {
    const { key, timestamp, headers } = (inputs[topic] as Written[])[offset] as Written
    const id = Number(headers[0]?.[1])
    const value = JSON.stringify({ id, version })
    return { topic: sink, key, value, timestamp, headers: [...headers, origin(topic, offset)] }
  }
  const letter = (topic: string, offset: number, reason: string, ...more: [string, string][]): Written => {
    const original = (inputs[topic] as Written[])[offset] as Written
    const own: [string, string][] = [
      ['joinery-reason', reason],
      origin(topic, offset),
      ['joinery-age-ms', '0'],
      ...more,
    ]
    return { ...original, topic: dead, headers: [...original.headers, ...own] }
  }
  const totals = (more: Partial<Totals>): Totals => ({
    in: 0,
    emitted: 0,
    waiting: 0,
    dropped: {},
    deadLettered: {},
    joined: {},
    unmatched: {},
    clamped: 0,
    ...more,
  })
  const commits: WrittenCommit[] = [
    {
      next: { [I]: 2, [C]: 1, [A]: 6, [O]: 2 },
      at: T0 + 100,
      totals: {
        [A]: totals({
          in: 6,
          emitted: 1,
          waiting: 2,
          dropped: { 'null-value': 1 },
          deadLettered: { 'function-threw': 1, undecodable: 1 },
          joined: { [I]: 1 },
        }),
        [O]: totals({ in: 2, emitted: 1, waiting: 1, joined: { [C]: 1 } }),
      },
      waits: [
        { pipeline: A, offset: 1, arrival: T0 + 90 },
        { pipeline: A, offset: 2, arrival: T0 + 90 },
        { pipeline: O, offset: 1, arrival: T0 + 90 },
      ],
      rows: [{ key: 'c0', value: '{"version":1}' }],
      outputs: [
        result(notifications.name, A, 0, 1),
        letter(A, 4, 'function-threw', ['joinery-error', 'bad']),
        letter(A, 5, 'undecodable', ['joinery-error', 'not JSON']),
        result(enriched.name, O, 0, 1),
      ],
      hasPosition: true,
      end: 'commit',
      epoch: 1,
    },
    {
      next: { [I]: 4, [C]: 3, [A]: 8, [O]: 2 },
      at: T0 + 700,
      totals: {
        [A]: totals({
          in: 8,
          emitted: 4,
          waiting: 1,
          dropped: { 'null-value': 1 },
          deadLettered: { 'function-threw': 1, undecodable: 1 },
          joined: { [I]: 4 },
        }),
        [O]: totals({ in: 2, emitted: 1, waiting: 1, joined: { [C]: 1 } }),
      },
      waits: [{ pipeline: A, offset: 1, arrival: undefined }],
      rows: [{ key: 'c1', value: null }],
      outputs: [
        result(notifications.name, A, 1, 1),
        result(notifications.name, A, 6, 1),
        result(notifications.name, A, 7, 2),
      ],
      hasPosition: true,
      end: 'commit',
      epoch: 2,
    },
    {
      next: { [I]: 4, [C]: 3, [A]: 8, [O]: 2 },
      at: T0 + 90 + ACTIVATION_WAIT_MS + 10,
      totals: {
        [A]: totals({
          in: 8,
          emitted: 4,
          dropped: { 'null-value': 1 },
          deadLettered: { 'function-threw': 1, undecodable: 1, 'no-row': 1 },
          joined: { [I]: 4 },
        }),
        [O]: totals({ in: 2, emitted: 2, joined: { [C]: 1 }, unmatched: { [C]: 1 } }),
      },
      waits: [
        { pipeline: A, offset: 2, arrival: undefined },
        { pipeline: O, offset: 1, arrival: undefined },
      ],
      rows: [],
      outputs: [letter(A, 2, 'no-row', ['joinery-table', I]), result(enriched.name, O, 1, null)],
      hasPosition: true,
      end: 'commit',
      epoch: 3,
    },
  ]
  const ids = (topic: string) => (inputs[topic] ?? []).map(({ headers }) => Number(headers[0]?.[1]))
  return {
    inputs,
    commits,
    acknowledged: { ids: new Map([A, O].map((topic) => [topic, ids(topic)])), failures: 0 },
    tables: { [I]: { p0: 2, p1: 1, late: 1 }, [C]: { c0: 1 } },
  }
}

/** The deadlines of the events and of the orders that wait after the first commit of {@link rightLog}. */
export const DEADLINE: { readonly activation: number; readonly order: number } = {
  activation: T0 + 90 + ACTIVATION_WAIT_MS,
  order: T0 + 90 + ORDER_WAIT_MS,
}

/** Encodes the log as a consumer of raw bytes reads it. */
export function asHistory({ inputs, commits }: WrittenLog): History {
  const raw = new Map<string, RawBatch[][]>(topicsOf(of).map((topic) => [topic, [[]]]))
  const append = (topic: string, records: Omit<RawRecord, 'offset'>[], batch: Partial<RawBatch>) => {
    const log = raw.get(topic)?.[0] as RawBatch[]
    const baseOffset = (log.at(-1)?.lastOffset ?? -1) + 1
    log.push({
      baseOffset,
      lastOffset: baseOffset + Math.max(1, records.length) - 1,
      producerId: -1,
      epoch: -1,
      isTransactional: false,
      marker: undefined,
      records: records.map((record, i) => ({ ...record, offset: baseOffset + i })),
      ...batch,
    })
  }
  for (const topic of inputsOf(of)) for (const record of inputs[topic] ?? []) append(topic, [rawOf(record)], {})
  for (const commit of commits) {
    const writer = { producerId: PRODUCER, epoch: commit.epoch, isTransactional: true }
    const state = [...commit.waits.map(waiterOf), ...commit.rows.map(rowOf)]
    const changelog = commit.hasPosition ? [...state, positionOf(commit)] : state
    const topics = new Set(commit.outputs.map(({ topic }) => topic))
    for (const topic of topics)
      append(topic, commit.outputs.filter((record) => record.topic === topic).map(rawOf), writer)
    if (changelog.length > 0) append('s-changelog', changelog, writer)
    if (commit.end === 'open') continue
    for (const topic of [...topics, 's-changelog']) append(topic, [], { ...writer, marker: commit.end })
  }
  return historyOf(of, raw)
}

export const acknowledgedOf = ({ acknowledged }: WrittenLog): AcknowledgedEvents => acknowledged

function rawOf({ key, value, timestamp, headers }: Written): Omit<RawRecord, 'offset'> {
  const bytes = (text: string | null) => (text === null ? null : Buffer.from(text))
  return {
    key: bytes(key),
    value: bytes(value),
    timestamp,
    headers: headers.map(([name, of]) => [name, Buffer.from(of)]),
  }
}

function stateOf(at: number, key: Buffer, value: Buffer | null): Omit<RawRecord, 'offset'> {
  return { key, value, timestamp: at, headers: [] }
}

function positionOf({ next, at, totals }: WrittenCommit): Omit<RawRecord, 'offset'> {
  const inputs = Object.fromEntries(Object.entries(next).map(([topic, offset]) => [topic, { id: topic, next: offset }]))
  return stateOf(at, Buffer.from([1, 1]), versioned(JSON.stringify({ writtenAt: at, inputs, totals })))
}

function waiterOf({ pipeline, offset, arrival }: WrittenCommit['waits'][number]): Omit<RawRecord, 'offset'> {
  const number = Buffer.alloc(8)
  number.writeBigUInt64BE(BigInt(offset))
  const value = Buffer.alloc(17)
  value[0] = 1
  value.writeDoubleBE(arrival ?? 0, 1)
  return stateOf(T0, Buffer.concat([named(2, pipeline), number]), arrival === undefined ? null : value)
}

function rowOf({ key, value }: WrittenCommit['rows'][number]): Omit<RawRecord, 'offset'> {
  return stateOf(T0, Buffer.concat([named(3, C), Buffer.from(key)]), value === null ? null : versioned(value))
}

function named(kind: number, name: string): Buffer {
  const head = Buffer.from([1, kind, 0, 0])
  head.writeUInt16BE(name.length, 2)
  return Buffer.concat([head, Buffer.from(name)])
}

const versioned = (text: string): Buffer => Buffer.concat([Buffer.from([1]), Buffer.from(text)])
