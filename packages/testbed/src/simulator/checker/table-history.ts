import type { SimCluster } from '../brokers/sim-cluster.js'
import type { Entry } from '../brokers/sim-partition.js'
import type { SimRow } from '../scenario/values.js'
import { type CommittedEntry, committed, textOf } from './log-history.js'

interface Version {
  readonly entry: CommittedEntry
  readonly row: SimRow | undefined
}

/** One partition of a table's topic: the row of each key at each offset. */
export class TableHistory {
  readonly #entries: readonly Entry[]
  readonly #versions = new Map<string, Version[]>()
  /** Records that cannot be decoded. */
  readonly undecodable: readonly CommittedEntry[]

  constructor(cluster: SimCluster, topic: string, partition: number) {
    this.#entries = cluster.partition(topic, partition).entries
    const undecodable: CommittedEntry[] = []
    for (const entry of committed(cluster, topic, partition)) {
      const { key, value } = entry.record
      if (key === null) continue
      const row = value === null ? undefined : rowOf(value)
      if (row === null) {
        undecodable.push(entry)
        continue
      }
      const versions = this.#versions.get(textOf(key)) ?? []
      versions.push({ entry, row })
      this.#versions.set(textOf(key), versions)
    }
    this.undecodable = undecodable
  }

  get keys(): Iterable<string> {
    return this.#versions.keys()
  }

  /**
   * Every row that a key can have had at `time` for a consumer that read the table from `from` to `to`; `undefined` if there was none.
   * The consumer may never have read what compaction had removed by then.
   */
  rows(key: string, from: number, to: number, time: number): (SimRow | undefined)[] {
    const versions = this.#versions.get(key) ?? []
    const during = versions.filter(({ entry: { offset } }) => offset >= from && offset < to).map(({ row }) => row)
    for (let i = versions.findLastIndex(({ entry: { offset } }) => offset < from); i >= 0; i--) {
      const { entry, row } = versions[i] as Version
      during.push(row)
      if (entry.compactedAt === undefined || entry.compactedAt >= time) return during
    }
    return [...during, undefined]
  }

  /** The rows that a key can have at `time` for a consumer that has read the table to `next`. */
  rowsAt(key: string, next: number, time: number): (SimRow | undefined)[] {
    return this.rows(key, next, next, time)
  }

  /**
   * Whether compaction had removed everything of a key after this version because of an undecodable record: a consumer that read the
   * topic from the start to `next` at `time` found none of it, and kept the earlier row.
   */
  isLastSurvivor(key: string, version: number, next: number, time: number): boolean {
    const versions = this.#versions.get(key) ?? []
    const { offset: from } = (versions.find(({ row }) => row?.version === version) as Version).entry
    const isTaken = ({ entry: { offset, compactedAt } }: Version) =>
      offset <= from || offset >= next || (compactedAt !== undefined && compactedAt < time)
    const hasNone = this.undecodable.some(({ record, offset }) => offset > from && textOf(record.key) === key)
    return hasNone && versions.every(isTaken)
  }

  /** @returns keys whose row changes between two offsets */
  changed(from: number, to: number): string[] {
    return this.#entries.slice(from, to).flatMap(({ record }) => (record?.key == null ? [] : [textOf(record.key)]))
  }

  /** @returns the offset up to which consumers can read at a simulated time */
  stableEndAt(time: number): number {
    const written = this.endAt(time)
    const isOpen = ({ record, visibleAt }: Entry) =>
      record !== undefined && (visibleAt === undefined || visibleAt > time)
    const open = this.#entries.slice(0, written).findIndex(isOpen)
    return open === -1 ? written : open
  }

  /** @returns the high watermark at a simulated time */
  endAt(time: number): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#entries[middle] as Entry).at <= time) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** @returns `null` for an undecodable value */
function rowOf(value: Uint8Array): SimRow | null {
  try {
    return JSON.parse(textOf(value)) as SimRow
  } catch {
    return null
  }
}
