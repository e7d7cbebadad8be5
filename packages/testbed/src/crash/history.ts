import { changelogEntry, type PositionRecord } from '../changelog-records.js'
import type { RawBatch } from '../wire/record-batches.js'
import { type CommittedRecord, committedRecords } from './committed.js'
import type { Result, Service } from './service.js'

/** The contents of all topics of a service, by topic and partition. */
export type RawTopics = ReadonlyMap<string, readonly (readonly RawBatch[])[]>

/** The outcome of an input record, as a consumer of committed records sees it. */
export interface Outcome {
  readonly record: CommittedRecord
  /** The input record. */
  readonly origin: { readonly topic: string; readonly partition: number; readonly offset: number }
  /** The version of the row in a result, `null` if there was none. */
  readonly version: number | null | undefined
  /** The reason of a dead letter. */
  readonly reason: string | undefined
  /** The index of the step that committed it; `undefined` if there is none. */
  readonly step: number | undefined
}

/** An event that waits. */
export interface WaitingEvent {
  readonly pipeline: string
  readonly offset: number
  readonly arrival: number
}

/**
 * One or more commits of a task: as few as the log can distinguish. In the newer protocol, each transaction has its own epoch;
 * in the older one, all transactions of a session share one.
 */
export interface Step {
  /** At its end. */
  readonly position: PositionRecord
  /** The events that wait at its end, by `pipeline/offset`. */
  readonly waiting: ReadonlyMap<string, WaitingEvent>
  /** The rows that it wrote to the changelog, by `table/key`. */
  readonly rows: ReadonlyMap<string, string | null>
  /** The offset of its POSITION. */
  readonly offset: number
}

/** Everything that the log contains. */
export interface History {
  readonly service: Service
  readonly partitions: number
  readonly raw: RawTopics
  /** The committed records of every topic, ordered by partition and offset. */
  readonly records: ReadonlyMap<string, readonly CommittedRecord[]>
  /** By task. */
  readonly steps: readonly (readonly Step[])[]
  readonly outcomes: readonly Outcome[]
  /** Transactions that were never ended. */
  readonly open: readonly string[]
}

export const inputsOf = ({ activations, orders, information, customers }: Service): readonly string[] =>
  [activations, orders, information, customers].map(({ name }) => name)

export const topicsOf = (service: Service): readonly string[] => [
  ...inputsOf(service),
  service.notifications.name,
  service.enriched.name,
  service.dead,
  `${service.application}-changelog`,
]

/** Interprets the contents of the log. */
export function historyOf(service: Service, raw: RawTopics): History {
  const records = new Map<string, readonly CommittedRecord[]>()
  const open: string[] = []
  for (const [topic, partitions] of raw) {
    const found = partitions.map((batches, partition) => committedRecords(topic, partition, batches))
    records.set(
      topic,
      found.flatMap((each) => each.records),
    )
    open.push(...found.flatMap((each) => each.open.map((transaction) => `${transaction} in ${topic}`)))
  }
  const changelog = `${service.application}-changelog`
  const logs = raw.get(changelog) ?? []
  const tasks = logs.map((batches, task) =>
    stepsOf(
      (records.get(changelog) ?? []).filter(({ partition }) => partition === task),
      isWhole(batches),
    ),
  )
  return {
    service,
    partitions: logs.length,
    raw,
    records,
    steps: tasks.map(({ steps }) => steps),
    outcomes: [service.notifications.name, service.enriched.name, service.dead].flatMap((topic) =>
      (records.get(topic) ?? []).map((record) => outcomeOf(record, tasks)),
    ),
    open: [...new Set(open)],
  }
}

/** Whether compaction removed nothing, so that every commit is still there. */
export function isWhole(batches: readonly RawBatch[]): boolean {
  return batches.every(({ baseOffset, records, lastOffset, marker }, i) => {
    const isNext = baseOffset === (batches[i - 1]?.lastOffset ?? -1) + 1
    return isNext && (marker !== undefined || records.length === lastOffset - baseOffset + 1)
  })
}

interface TaskSteps {
  readonly steps: readonly Step[]
  /** The step of each transaction. The key `undefined` stands for all other transactions. */
  readonly of: ReadonlyMap<string | undefined, number>
}

function stepsOf(records: readonly CommittedRecord[], isWhole: boolean): TaskSteps {
  const steps: Step[] = []
  const of = new Map<string | undefined, number>()
  const waiting = new Map<string, WaitingEvent>()
  let rows = new Map<string, string | null>()
  let transactions = new Set<string | undefined>()
  const last = records.findLastIndex(isPosition)
  records.forEach((record, i) => {
    if (record.key === null) throw new Error(`the changelog has a record without a key at ${record.offset}`)
    const entry = changelogEntry(record.key, record.value)
    transactions.add(record.transaction)
    if (entry.type === 'row') rows.set(`${entry.table}/${entry.key}`, entry.value)
    if (entry.type === 'waiter') {
      const { pipeline, offset, waiter } = entry
      if (waiter === null) waiting.delete(`${pipeline}/${offset}`)
      else waiting.set(`${pipeline}/${offset}`, { pipeline, offset, arrival: waiter.arrival })
    }
    if (entry.type !== 'position') return
    // in the older protocol, the next record may belong to the same transaction
    if (i < last && (!isWhole || records[i + 1]?.transaction === record.transaction)) return
    for (const transaction of transactions) of.set(transaction, steps.length)
    steps.push({ position: entry.position, waiting: new Map(waiting), rows, offset: record.offset })
    rows = new Map()
    transactions = new Set()
  })
  if (!isWhole) of.set(undefined, 0)
  return { steps, of }
}

const isPosition = ({ key }: CommittedRecord): boolean => key?.[1] === 1

function outcomeOf(record: CommittedRecord, tasks: readonly TaskSteps[]): Outcome {
  const header = (name: string) => record.headers.findLast(([of]) => of === name)?.[1]?.toString()
  const [, topic = '', partition = '', offset = ''] = header('joinery-origin')?.split('/') ?? []
  const reason = header('joinery-reason')
  const task = tasks[Number(partition)]
  return {
    record,
    origin: { topic, partition: Number(partition), offset: Number(offset) },
    reason,
    version: reason === undefined ? (JSON.parse(String(record.value)) as Result).version : undefined,
    step: task?.of.get(record.transaction) ?? task?.of.get(undefined),
  }
}
