import type { NewRecord } from '@joinery/core/log'
import { brokerTime } from '../brokers/broker-time.js'
import type { SimCluster } from '../brokers/sim-cluster.js'
import type { Random } from '../random.js'
import { REQUESTS, type SimRequest } from './call-values.js'
import { ForeignProducer } from './foreign-producer.js'
import type { Scenario } from './scenario.js'

const NOT_JSON = Buffer.from('{')
const BURST = 10
/** The number of recent records that may be repeated. */
const MAX_REMEMBERED = 300

/** Produces requests for calls. Some are repeated, and some ids are used again with another payload. */
export class CallTraffic {
  readonly #cluster: SimCluster
  readonly #scenario: Scenario
  readonly #random: Random
  readonly #appended: NewRecord[] = []
  #numbers = 0
  #foreign = 0
  #isOver = false

  constructor(cluster: SimCluster, scenario: Scenario, random: Random) {
    this.#cluster = cluster
    this.#scenario = scenario
    this.#random = random
  }

  /** The number of records so far. */
  get requestCount(): number {
    return this.#numbers
  }

  start(meanMs: number): void {
    this.#cluster.eventLoop.schedule(-Math.log(1 - this.#random.next()) * meanMs, 'a producer requests a call', () => {
      if (this.#isOver) return
      const count = this.#random.chance(0.02) ? BURST : 1
      for (let i = 0; i < count; i++) this.#one()
      this.start(meanMs)
    })
  }

  finish(): void {
    this.#isOver = true
  }

  #one(): void {
    const random = this.#random
    const record = this.#next()
    this.#appended.push(record)
    if (this.#appended.length > MAX_REMEMBERED) this.#appended.shift()
    if (!random.chance(0.05)) {
      this.#cluster.append([record])
      return
    }
    const producer = new ForeignProducer(this.#cluster, `foreign-call-${++this.#foreign}`)
    producer.write(record)
    const isCommit = random.chance(0.7)
    this.#cluster.eventLoop.schedule(random.between(1, 2_000), 'a foreign transaction ends', () =>
      producer.end(isCommit),
    )
  }

  #next(): NewRecord {
    const random = this.#random
    if (this.#appended.length === 0 || random.chance(0.75)) return this.#new()
    const earlier = random.pick(random.chance(0.5) ? this.#appended.slice(-3) : this.#appended)
    const timestamp = brokerTime(this.#cluster.eventLoop)
    if (random.chance(0.8) || earlier.value === null || earlier.value === NOT_JSON) return { ...earlier, timestamp }
    const { id } = JSON.parse(Buffer.from(earlier.value).toString()) as SimRequest
    return { ...earlier, timestamp, value: encode({ number: this.#numbers++, id }) }
  }

  #new(): NewRecord {
    const random = this.#random
    const number = this.#numbers++
    const key = random.chance(0.05) ? null : random.pick(this.#scenario.keys)
    const value = random.chance(0.02) ? null : random.chance(0.02) ? NOT_JSON : encode({ number, id: `c${number}` })
    const origin = ['joinery-origin', Buffer.from(`another/orders/0/${number}`)] as const
    return {
      topic: REQUESTS,
      key: key === null ? null : Buffer.from(key),
      value,
      timestamp: brokerTime(this.#cluster.eventLoop),
      headers: random.chance(0.8) ? [origin] : [],
      ...(key === null && { partition: random.between(0, this.#scenario.partitions - 1) }),
    }
  }
}

const encode = (request: SimRequest): Uint8Array => Buffer.from(JSON.stringify(request))
