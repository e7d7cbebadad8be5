import { deadLetterInfo } from '@joinery/core'
import type { LogRecord } from '@joinery/core/log'
import { APPLICATION } from './instance.js'
import { DEAD, EVENTS, RESULTS, type SimResult } from './scenario.js'
import type { SimCluster } from './sim-cluster.js'
import type { Entry } from './sim-partition.js'

/** An outcome that can be read: a result or a dead letter. */
export interface Outcome {
  readonly event: number
  readonly partition: number
  /** Its transaction: epochs of a writer rise by one with each. */
  readonly epoch: number
  readonly at: number
  readonly offset: number
  readonly rows: readonly (number | null)[] | undefined
  readonly reason: string | undefined
  readonly table: string | undefined
}

/** A POSITION record, as the format says. */
export interface CommittedPosition {
  readonly partition: number
  readonly epoch: number
  readonly at: number
  /** Of the events. */
  readonly next: number
  /** Of every input. */
  readonly inputs: Readonly<Record<string, { readonly next: number }>>
  readonly totals: {
    readonly in: number
    readonly emitted: number
    readonly waiting: number
    readonly dropped: Readonly<Record<string, number>>
    readonly deadLettered: Readonly<Record<string, number>>
  }
}

const isVisible = (entry: Entry): entry is Entry & { record: LogRecord } =>
  entry.record !== undefined && !entry.isAborted && entry.visibleAt !== undefined

/** Committed records of a topic's partition, cleaned ones too. */
export function committed(cluster: SimCluster, topic: string, partition: number): (Entry & { record: LogRecord })[] {
  return cluster.partition(topic, partition).entries.filter(isVisible)
}

/** The offset behind a topic's last committed record. */
export const endOf = (cluster: SimCluster, topic: string, partition: number): number =>
  (committed(cluster, topic, partition).at(-1)?.offset ?? -1) + 1

/** The events of a partition, in their order. */
export const eventsOf = (cluster: SimCluster, partition: number): (Entry & { record: LogRecord })[] =>
  committed(cluster, EVENTS.name, partition)

/** All outcomes, in the order of their topics' partitions. */
export function outcomes(cluster: SimCluster): Outcome[] {
  return [RESULTS.name, DEAD].flatMap((topic) =>
    cluster.partitionsOf(topic).flatMap(({ partition }) =>
      committed(cluster, topic, partition).map(({ record, epoch, at, offset }): Outcome => {
        const [application, from, of, event] = originOf(record).split('/')
        if (application !== APPLICATION || from !== EVENTS.name) throw new Error(`a foreign origin in ${topic}`)
        const info = deadLetterInfo(record.headers)
        return {
          event: Number(event),
          partition: Number(of),
          epoch,
          at,
          offset,
          rows: topic === RESULTS.name ? (JSON.parse(textOf(record.value)) as SimResult).rows : undefined,
          reason: info?.reason,
          table: info?.table,
        }
      }),
    ),
  )
}

const originOf = ({ headers }: LogRecord): string =>
  textOf(headers.findLast(([name]) => name === 'joinery-origin')?.[1] ?? null)

export const textOf = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString()

/** All committed POSITION records of a task, in their order. */
export function positions(cluster: SimCluster, partition: number): CommittedPosition[] {
  return committed(cluster, `${APPLICATION}-changelog`, partition).flatMap(({ record, epoch, at }) => {
    // key: format 1, kind 1; value: version 1, then JSON
    if (record.key?.[0] !== 1 || record.key[1] !== 1 || record.value === null) return []
    const position = JSON.parse(textOf(record.value.subarray(1)))
    const next = position.inputs[EVENTS.name]?.next ?? 0
    return [{ partition, epoch, at, next, inputs: position.inputs, totals: position.totals[EVENTS.name] }]
  })
}
