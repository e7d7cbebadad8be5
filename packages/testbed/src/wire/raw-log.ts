import { BrokerConnection } from './broker-connection.js'
import { Cursor } from './cursor.js'
import { type RawBatch, readBatches } from './record-batches.js'

/** One partition of a topic. */
export interface At {
  readonly topic: string
  readonly partition: number
}

/** Where a partition ends: `stable` is behind `written` while a transaction is open. */
export interface Ends {
  readonly stable: number
  readonly written: number
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

/** Looks into one broker as it is, through requests of its own. */
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

  /** Of several partitions of one topic, in the order of their numbers. */
  async ends(topic: string, partitions: number): Promise<readonly Ends[]> {
    const [written, stable] = [
      await this.#offsets(topic, partitions, UNCOMMITTED),
      await this.#offsets(topic, partitions, COMMITTED),
    ]
    return written.map((end, i) => ({ written: end, stable: stable[i] as number }))
  }

  /** Everything between the first offset and the end, markers and aborted records too. */
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

  /** Roughly the last `count` offsets. */
  async tail(at: At, end: number, count: number): Promise<RawBatch[]> {
    return end === 0 ? [] : this.batches(at, Math.max(0, end - count))
  }

  /** The members of a group, by client id. */
  async members(group: string): Promise<ReadonlyMap<string, string>> {
    const answer = new Cursor(await this.#ask(DESCRIBE_GROUPS, Buffer.concat([int32(1), string(group)])))
    const members = new Map<string, string>()
    answer.array(() => {
      answer.int16()
      for (let names = 4; names > 0; names--) answer.string()
      answer.array(() => {
        const member = answer.string()
        members.set(answer.string(), member)
        answer.string()
        for (let blobs = 2; blobs > 0; blobs--) answer.bytes(answer.int32())
      })
    })
    return members
  }

  /** Takes a member out of its group, so that nobody waits for its session to end. */
  async removeMember(group: string, member: string): Promise<void> {
    const answer = new Cursor(await this.#ask(LEAVE_GROUP, Buffer.concat([string(group), string(member)])))
    answer.int32()
    const code = answer.int16()
    if (code !== 0 && code !== UNKNOWN_MEMBER) throw new Error(`LeaveGroup of ${group} answered ${code}`)
  }

  async #offsets(topic: string, partitions: number, isolation: number): Promise<number[]> {
    const numbers = Array.from({ length: partitions }, (_, partition) => partition)
    const wanted = numbers.map((partition) => Buffer.concat([int32(partition), int64(LATEST)]))
    const body = [int32(-1), Buffer.from([isolation]), int32(1), string(topic), int32(partitions), ...wanted]
    const answer = new Cursor(await this.#ask(LIST_OFFSETS, Buffer.concat(body)))
    answer.int32()
    const offsets: number[] = []
    answer.array(() => {
      answer.string()
      answer.array(() => {
        const partition = answer.int32()
        const code = answer.int16()
        if (code !== 0) throw new Error(`ListOffsets of ${topic}[${partition}] answered ${code}`)
        answer.int64()
        offsets[partition] = answer.int64()
      })
    })
    return offsets
  }

  async #fetch({ topic, partition }: At, from: number, maxBytes: number): Promise<{ bytes: Buffer; end: number }> {
    const limits = [int32(-1), int32(0), int32(0), int32(maxBytes), Buffer.from([UNCOMMITTED])]
    const wanted = [int32(1), string(topic), int32(1), int32(partition), int64(from), int32(maxBytes)]
    const answer = new Cursor(await this.#ask(FETCH, Buffer.concat([...limits, ...wanted])))
    answer.int32()
    answer.int32()
    answer.string()
    answer.int32()
    answer.int32()
    const code = answer.int16()
    if (code !== 0) throw new Error(`Fetch of ${topic}[${partition}] at ${from} answered ${code}`)
    const end = answer.int64()
    answer.int64()
    answer.array(() => answer.bytes(16))
    return { bytes: answer.bytes(Math.max(0, answer.int32())), end }
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

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(2)
  length.writeInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}
