import type { NewRecord } from '@joinery/core/log'
import { brokerTime } from '../brokers/broker-time.js'
import type { SimCluster } from '../brokers/sim-cluster.js'
import type { Random } from '../random.js'
import { ForeignProducer } from './foreign-producer.js'
import type { Scenario } from './scenario.js'
import { PADDING, type SimEvent, type SimRow } from './values.js'

const encode = (value: SimEvent | SimRow): Uint8Array => Buffer.from(JSON.stringify(value))

/** Keys of rows without events. Their last record may be a tombstone. */
const KEYS_WITHOUT_EVENTS = ['q0', 'q1', 'q2', 'q3'] as const
const NOT_JSON = Buffer.from('{')
const BURST = 120
const FUTURE_MS = 7_200_000

/** Produces events and rows at random times, some of them within transactions. */
export class JoinTraffic {
  readonly #cluster: SimCluster
  readonly #scenario: Scenario
  readonly #random: Random
  readonly #versions = new Map<string, number>()
  #events = 0
  #foreign = 0
  #isOver = false

  constructor(cluster: SimCluster, scenario: Scenario, random: Random) {
    this.#cluster = cluster
    this.#scenario = scenario
    this.#random = random
  }

  /** The number of events so far. */
  get events(): number {
    return this.#events
  }

  /** Appends the initial rows, and then records until {@link finish}. */
  start(meanMs: number): void {
    if (this.#scenario.pipelines.length === 0) return
    const { eventLoop } = this.#cluster
    for (let rows = this.#random.pick([0, 0, 10, 150]); rows > 0; rows--) this.#cluster.append([this.#anyRow()])
    const next = (): void => {
      eventLoop.schedule(-Math.log(1 - this.#random.next()) * meanMs, 'a producer appends', () => {
        if (this.#isOver) return
        const count = this.#random.chance(0.01) ? BURST : 1
        for (let i = 0; i < count; i++) this.#one()
        next()
      })
    }
    next()
  }

  /** Appends a last row for most keys. The events of the other keys wait until they expire. */
  finish(): void {
    this.#isOver = true
    // with a small wait buffer, a backlog of events that wait until they expire would take hours
    const isTight = this.#scenario.pipelines.some(({ maxRecords, maxKiB }) => maxRecords < 1_000 || maxKiB < 1_000)
    for (const { name } of this.#scenario.tables) {
      for (const key of this.#scenario.keys)
        if (isTight || this.#random.chance(0.7)) this.#cluster.append([this.#row(name, key, true)])
    }
  }

  #one(): void {
    const random = this.#random
    const record = random.chance(0.6) ? this.#event() : this.#anyRow()
    if (random.chance(0.05)) this.#inTransaction([record, ...(random.chance(0.5) ? [this.#anyRow()] : [])])
    else this.#cluster.append([record])
  }

  /** A transaction of another producer: open for some time, and sometimes aborted. */
  #inTransaction(records: readonly NewRecord[]): void {
    const producer = new ForeignProducer(this.#cluster, `foreign-${++this.#foreign}`)
    for (const record of records) producer.write(record)
    const isCommit = this.#random.chance(0.7)
    this.#cluster.eventLoop.schedule(this.#random.between(1, 3_000), 'a foreign transaction ends', () => {
      producer.end(isCommit)
    })
  }

  #event(): NewRecord {
    const random = this.#random
    const number = this.#events++
    const { stream } = random.pick(this.#scenario.pipelines)
    const key = random.chance(0.02) ? null : random.pick(this.#scenario.keys)
    const pad = random.chance(0.02) ? PADDING : ''
    const value = random.chance(0.02) ? null : random.chance(0.02) ? NOT_JSON : encode({ number, pad })
    const headers = [
      ['number', Buffer.from(String(number))],
      ['joinery-origin', Buffer.from('another/topic/0/1')],
    ] as const
    return { ...this.#base(stream, key), value, headers: random.chance(0.5) ? headers : [] }
  }

  #anyRow(): NewRecord {
    const random = this.#random
    const { name } = random.pick(this.#scenario.tables)
    if (random.chance(0.02)) return { ...this.#base(name, null), value: encode({ version: 0, isReady: true }) }
    const key = random.chance(0.2) ? random.pick(KEYS_WITHOUT_EVENTS) : random.pick(this.#scenario.keys)
    if (random.chance(0.02)) return { ...this.#base(name, key), value: NOT_JSON }
    return random.chance(0.2) ? { ...this.#base(name, key), value: null } : this.#row(name, key, random.chance(0.8))
  }

  #row(table: string, key: string, isReady: boolean): NewRecord {
    const version = (this.#versions.get(table + key) ?? 0) + 1
    this.#versions.set(table + key, version)
    return { ...this.#base(table, key), value: encode({ version, isReady }) }
  }

  #base(topic: string, key: string | null): Omit<NewRecord, 'value'> {
    const random = this.#random
    const now = brokerTime(this.#cluster.eventLoop)
    const timestamp = random.chance(0.1) ? now - random.between(0, 2_000) : random.chance(0.01) ? now + FUTURE_MS : now
    const partition = key === null ? { partition: random.between(0, this.#scenario.partitions - 1) } : {}
    return { topic, key: key === null ? null : Buffer.from(key), timestamp, headers: [], ...partition }
  }
}
