import type { BrokerConnection } from './broker-connection.js'
import { Cursor } from './cursor.js'
import { int32, int64, string } from './encode.js'
import { readBatches } from './record-batches.js'
import { visibleRecords } from './visible-records.js'

const FETCH = { api: 1, version: 4 } as const
const ISOLATION = { uncommitted: 0, committed: 1 } as const
const MAX_BYTES = 4 * 2 ** 20
const PARTITION_MAX_BYTES = 2 ** 20

/** A record as a consumer receives it. */
export interface ConsumedRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
}

/** Fetches the partitions of a topic that one broker leads, each from its position. */
export class PartitionsFetch {
  readonly #connection: BrokerConnection
  readonly #topic: string
  readonly #isolation: keyof typeof ISOLATION
  readonly #positions: Map<number, number>
  /** The first offsets that cannot be read yet: last stable offsets, or high watermarks. */
  readonly #ends: Map<number, number> = new Map()

  constructor(
    connection: BrokerConnection,
    topic: string,
    partitions: readonly number[],
    isolation: keyof typeof ISOLATION,
  ) {
    this.#connection = connection
    this.#topic = topic
    this.#isolation = isolation
    this.#positions = new Map(partitions.map((partition) => [partition, 0]))
  }

  /** Whether the latest response had everything up to the end of each partition. */
  get isAtEnd(): boolean {
    return [...this.#positions].every(([partition, position]) => position >= (this.#ends.get(partition) ?? Infinity))
  }

  get partitions(): readonly number[] {
    return [...this.#positions.keys()]
  }

  /**
   * Fetches some of the partitions, at least one.
   *
   * @returns the records of the response, which the broker delays until there is one, for at most `maxWaitMs`
   */
  async next(maxWaitMs: number, partitions: readonly number[]): Promise<readonly ConsumedRecord[]> {
    const head = [int32(-1), int32(maxWaitMs), int32(1), int32(MAX_BYTES), Buffer.from([ISOLATION[this.#isolation]])]
    const wanted = partitions.map((partition) => [
      int32(partition),
      int64(this.#positions.get(partition) as number),
      int32(PARTITION_MAX_BYTES),
    ])
    const body = [...head, int32(1), string(this.#topic), int32(wanted.length), ...wanted.flat()]
    const response = new Cursor(await this.#connection.request(FETCH.api, FETCH.version, Buffer.concat(body)))
    response.int32() // throttle time
    return response.array(() => {
      response.string()
      return response.array(() => this.#readPartition(response)).flat()
    })[0] as ConsumedRecord[]
  }

  #readPartition(response: Cursor): readonly ConsumedRecord[] {
    const partition = response.int32()
    const code = response.int16()
    if (code !== 0) throw new Error(`Fetch of ${this.#topic}[${partition}] failed with ${code}`)
    const highWatermark = response.int64()
    const lastStableOffset = response.int64()
    const aborted = response.array(() => ({ producerId: response.int64(), firstOffset: response.int64() }))
    const batches = readBatches(response.bytes(Math.max(0, response.int32())))
    const from = this.#positions.get(partition) as number
    this.#ends.set(partition, this.#isolation === 'committed' ? lastStableOffset : highWatermark)
    const last = batches.at(-1)
    if (last === undefined) return []
    this.#positions.set(partition, last.lastOffset + 1)
    return visibleRecords(batches, from, aborted).map(({ offset, timestamp, key, value }) => ({
      partition,
      offset,
      timestamp,
      key,
      value,
    }))
  }
}
