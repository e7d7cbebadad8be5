import { BrokerConnection } from './broker-connection.js'
import { Cursor } from './cursor.js'
import { int32, int64, string } from './encode.js'
import { type RawBatch, readBatches } from './record-batches.js'

/** One partition of a topic. */
export interface At {
  readonly topic: string
  readonly partition: number
}

/** The end of a partition: the last stable offset and the high watermark. */
export interface Ends {
  readonly lastStableOffset: number
  readonly highWatermark: number
}

const FETCH = { api: 1, version: 4 } as const
const LIST_OFFSETS = { api: 2, version: 2 } as const
const LEAVE_GROUP = { api: 13, version: 1 } as const
const DESCRIBE_GROUPS = { api: 15, version: 0 } as const
const COMMITTED = 1
const UNCOMMITTED = 0
const LATEST = -1
const MAX_BYTES = 8 * 2 ** 20
const GROWTH = 4

/** Inspects one broker with its own requests, without a client library. */
export class RawLog {
  readonly #broker: string
  #connection: Promise<BrokerConnection> | undefined

  /** @param broker as `host:port` */
  constructor(broker: string) {
    this.#broker = broker
  }

  close(): void {
    this.#connection?.then(
      (open) => open.close(),
      () => {}, // nothing to close
    )
    this.#connection = undefined
  }

  /** Requests the end offsets of all partitions of a topic. */
  async endOffsets(topic: string, partitions: number): Promise<readonly Ends[]> {
    const [highWatermarks, lastStableOffsets] = [
      await this.#offsets(topic, partitions, UNCOMMITTED),
      await this.#offsets(topic, partitions, COMMITTED),
    ]
    return highWatermarks.map((highWatermark, i) => ({
      highWatermark,
      lastStableOffset: lastStableOffsets[i] as number,
    }))
  }

  /** Reads everything from the first offset to the end, including markers and aborted records. */
  async batches(at: At, from = 0): Promise<RawBatch[]> {
    const all: RawBatch[] = []
    let [next, end, maxBytes] = [from, Number.POSITIVE_INFINITY, MAX_BYTES]
    while (next < end) {
      const fetched = await this.#fetch(at, next, maxBytes)
      end = fetched.end
      const batches = readBatches(fetched.bytes)
      if (batches.length === 0 && fetched.bytes.length === 0 && next < end)
        throw new Error(`nothing at ${next} of ${at.topic}[${at.partition}], which ends at ${end}`)
      if (batches.length === 0) maxBytes *= GROWTH
      for (const batch of batches) {
        all.push(batch)
        next = batch.lastOffset + 1
      }
    }
    return all
  }

  /** Reads approximately the last `count` offsets. */
  async tail(at: At, end: number, count: number): Promise<RawBatch[]> {
    return end === 0 ? [] : this.batches(at, Math.max(0, end - count))
  }

  /** @returns the members of a group, by client id */
  async members(group: string): Promise<ReadonlyMap<string, string>> {
    const response = new Cursor(await this.#ask(DESCRIBE_GROUPS, Buffer.concat([int32(1), string(group)])))
    const members = new Map<string, string>()
    response.array(() => {
      response.int16()
      for (let names = 4; names > 0; names--) response.string()
      response.array(() => {
        const member = response.string()
        members.set(response.string(), member)
        response.string()
        for (let blobs = 2; blobs > 0; blobs--) response.bytes(response.int32())
      })
    })
    return members
  }

  /** Removes a member from its group, so that its session need not expire. */
  async removeMember(group: string, member: string): Promise<void> {
    const response = new Cursor(await this.#ask(LEAVE_GROUP, Buffer.concat([string(group), string(member)])))
    response.int32()
    const code = response.int16()
    if (code !== 0 && code !== UNKNOWN_MEMBER) throw new Error(`LeaveGroup of ${group} failed with ${code}`)
  }

  async #offsets(topic: string, partitions: number, isolation: number): Promise<number[]> {
    const numbers = Array.from({ length: partitions }, (_, partition) => partition)
    const wanted = numbers.map((partition) => Buffer.concat([int32(partition), int64(LATEST)]))
    const body = [int32(-1), Buffer.from([isolation]), int32(1), string(topic), int32(partitions), ...wanted]
    const response = new Cursor(await this.#ask(LIST_OFFSETS, Buffer.concat(body)))
    response.int32()
    const offsets: number[] = []
    response.array(() => {
      response.string()
      response.array(() => {
        const partition = response.int32()
        const code = response.int16()
        if (code !== 0) throw new Error(`ListOffsets of ${topic}[${partition}] failed with ${code}`)
        response.int64()
        offsets[partition] = response.int64()
      })
    })
    return offsets
  }

  async #fetch({ topic, partition }: At, from: number, maxBytes: number): Promise<{ bytes: Buffer; end: number }> {
    const limits = [int32(-1), int32(0), int32(0), int32(maxBytes), Buffer.from([UNCOMMITTED])]
    const wanted = [int32(1), string(topic), int32(1), int32(partition), int64(from), int32(maxBytes)]
    const response = new Cursor(await this.#ask(FETCH, Buffer.concat([...limits, ...wanted])))
    response.int32()
    response.int32()
    response.string()
    response.int32()
    response.int32()
    const code = response.int16()
    if (code !== 0) throw new Error(`Fetch of ${topic}[${partition}] at ${from} failed with ${code}`)
    const end = response.int64()
    response.int64()
    response.array(() => response.bytes(16))
    return { bytes: response.bytes(Math.max(0, response.int32())), end }
  }

  async #ask({ api, version }: { readonly api: number; readonly version: number }, body: Buffer): Promise<Buffer> {
    this.#connection ??= BrokerConnection.open(this.#broker)
    try {
      return await (await this.#connection).request(api, version, body)
    } catch (error) {
      this.close()
      throw error
    }
  }
}

const UNKNOWN_MEMBER = 25
