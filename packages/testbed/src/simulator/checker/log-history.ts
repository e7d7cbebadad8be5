import type { LogRecord } from '@joinery/core/log'
import { type CallRecord, changelogEntry, type PositionRecord, type Waiter } from '../../changelog-records.js'
import type { SimCluster } from '../brokers/sim-cluster.js'
import type { Entry } from '../brokers/sim-partition.js'
import { APPLICATION, DEAD, type Scenario, type SimPipeline } from '../scenario/scenario.js'
import type { SimResult } from '../scenario/values.js'

/** A record that consumers could read. */
export type CommittedEntry = Entry & { readonly record: LogRecord; readonly visibleAt: number }

/** A result, or a dead letter. */
export interface Outcome {
  /** Its input record. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly entry: CommittedEntry
  readonly result: SimResult | undefined
  readonly reason: string | undefined
  readonly table: string | undefined
}

/** What one transaction has committed of a task. */
export interface Commit {
  readonly index: number
  readonly transaction: number
  readonly at: number
  /** When the OWNER of its session was written. */
  readonly openedAt: number
  readonly position: PositionRecord
  readonly outcomes: readonly Outcome[]
  /** By pipeline and offset; `null` where a wait ended. */
  readonly waiters: readonly { readonly pipeline: string; readonly offset: number; readonly waiter: Waiter | null }[]
  readonly rows: readonly { readonly table: string; readonly key: string; readonly value: string | null }[]
  /** By id; `null` where a call was deleted. */
  readonly calls: readonly { readonly id: string; readonly call: CallRecord | null }[]
}

/** Everything that a task has committed, in order. */
export interface TaskHistory {
  readonly partition: number
  readonly commits: readonly Commit[]
  /** Malformed transactions. */
  readonly anomalies: readonly string[]
}

/** The type byte of its key. */
const POSITION = 1

const isVisible = (entry: Entry): entry is CommittedEntry =>
  entry.record !== undefined && !entry.isAborted && entry.visibleAt !== undefined

/** @returns the committed records of a partition, compacted ones included */
export function committed(cluster: SimCluster, topic: string, partition: number): CommittedEntry[] {
  return cluster.partition(topic, partition).entries.filter(isVisible)
}

/** @returns the offset after the last committed record */
export const endOf = (cluster: SimCluster, topic: string, partition: number): number =>
  (cluster.partition(topic, partition).entries.findLast(isVisible)?.offset ?? -1) + 1

/** @returns the last POSITION of a task */
export function lastPosition(cluster: SimCluster, partition: number): PositionRecord | undefined {
  const changelog = cluster.partitionsOf(`${APPLICATION}-changelog`)[partition]
  const last = changelog?.entries.findLast((entry) => isVisible(entry) && entry.record.key?.[1] === POSITION)
  const entry = last && changelogEntry(last.record?.key as Uint8Array, last.record?.value as Uint8Array)
  return entry?.type === 'position' ? entry.position : undefined
}

export const textOf = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString()

/** @returns the last value of a header */
export const headerOf = ({ headers }: LogRecord, name: string): string | undefined => {
  const found = headers.findLast(([each]) => each === name)
  return found && textOf(found[1])
}

/** @returns everything that every task has committed */
export function taskHistories(cluster: SimCluster, scenario: Scenario): TaskHistory[] {
  const outcomes = outcomesByTransaction(cluster, scenario.pipelines)
  return Array.from({ length: scenario.partitions }, (_, partition) => {
    const transactions = new Map<number, CommittedEntry[]>()
    for (const entry of committed(cluster, `${APPLICATION}-changelog`, partition)) {
      const list = transactions.get(entry.transaction as number)
      if (list === undefined) transactions.set(entry.transaction as number, [entry])
      else list.push(entry)
    }
    const commits: Commit[] = []
    const anomalies: string[] = []
    let openedAt = 0
    for (const [transaction, entries] of transactions) {
      const records = entries.map(({ record }) => changelogEntry(record.key as Uint8Array, record.value))
      const written = outcomes.get(partOf(transaction, partition)) ?? []
      outcomes.delete(partOf(transaction, partition))
      const position = records.at(-1)
      if (position?.type === 'position') {
        commits.push({
          index: commits.length,
          transaction,
          at: (entries.at(-1) as Entry).at,
          openedAt,
          position: position.position,
          outcomes: written.sort((a, b) => a.entry.offset - b.entry.offset),
          waiters: records.filter((each) => each.type === 'waiter'),
          rows: records.filter((each) => each.type === 'row'),
          calls: records.filter((each) => each.type === 'call'),
        })
      } else if (records.length === 1 && position?.type === 'owner' && written.length === 0)
        openedAt = (entries[0] as Entry).at
      else anomalies.push(`a transaction of task ${partition} has ${records.length} records and no POSITION at its end`)
    }
    // everything that a task writes is in the transaction of a POSITION
    if (partition === scenario.partitions - 1 && outcomes.size > 0)
      anomalies.push(`${outcomes.size} tasks have outcomes in a transaction, and no POSITION`)
    return { partition, commits, anomalies }
  })
}

/** @returns the id of a task's part in a transaction, which commits the work of several tasks */
export const partOf = (transaction: number, task: number): string => `${transaction}/${task}`

/** @returns the outcomes of each task in each transaction */
function outcomesByTransaction(cluster: SimCluster, pipelines: readonly SimPipeline[]): Map<string, Outcome[]> {
  const found = new Map<string, Outcome[]>()
  for (const sink of [...pipelines.map((pipeline) => pipeline.sink), DEAD]) {
    for (const { partition } of cluster.partitionsOf(sink)) {
      for (const entry of committed(cluster, sink, partition)) {
        const [application, topic, from, offset] = (headerOf(entry.record, 'joinery-origin') ?? '').split('/')
        if (application !== APPLICATION || topic === undefined) throw new Error(`unknown origin in ${sink}`)
        const outcome: Outcome = {
          topic,
          partition: Number(from),
          offset: Number(offset),
          entry,
          result: sink === DEAD ? undefined : (JSON.parse(textOf(entry.record.value)) as SimResult),
          reason: sink === DEAD ? headerOf(entry.record, 'joinery-reason') : undefined,
          table: sink === DEAD ? headerOf(entry.record, 'joinery-table') : undefined,
        }
        const id = partOf(entry.transaction as number, outcome.partition)
        const list = found.get(id)
        if (list === undefined) found.set(id, [outcome])
        else list.push(outcome)
      }
    }
  }
  return found
}
