import type { NewRecord } from '@joinery/core/log'
import type { Random } from './random.js'
import type { Scenario } from './scenario.js'
import type { SimCluster } from './sim-cluster.js'
import { brokerTime } from './sim-process.js'

const encode = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))

/** Keys of rows without events: their last word may be a tombstone. */
const QUIET = ['q0', 'q1', 'q2', 'q3'] as const

/** Producers of events and rows, at random times; some rows in transactions of their own. */
export class Workload {
  readonly #cluster: SimCluster
  readonly #scenario: Scenario
  readonly #random: Random
  readonly #versions = new Map<string, number>()
  #events = 0
  #foreign = 0

  constructor(cluster: SimCluster, scenario: Scenario, random: Random) {
    this.#cluster = cluster
    this.#scenario = scenario
    this.#random = random
  }

  /** How many events were appended. */
  get events(): number {
    return this.#events
  }

  /** Goes on until `untilMs` of the world's time. */
  start(untilMs: number, meanMs: number): void {
    const { world } = this.#cluster
    const next = (): void => {
      world.after(-Math.log(1 - this.#random.next()) * meanMs, 'a producer appends', () => {
        if (world.now > untilMs) return
        this.#one()
        next()
      })
    }
    next()
  }

  /** A last row of every key that has events, so that nothing waits for ever. */
  finish(): void {
    for (const { name } of this.#scenario.tables) {
      for (const key of this.#scenario.keys) this.#cluster.append([this.#row(name, key, true)])
    }
  }

  #one(): void {
    const random = this.#random
    const key = random.pick(this.#scenario.keys)
    if (random.chance(0.6)) {
      this.#cluster.append([this.#event(random.chance(0.02) ? null : key)])
      return
    }
    const { name } = random.pick(this.#scenario.tables)
    if (random.chance(0.2)) {
      const quiet = random.pick(QUIET)
      this.#cluster.append([random.chance(0.5) ? this.#tombstone(name, quiet) : this.#row(name, quiet, true)])
      return
    }
    const row = random.chance(0.15) ? this.#tombstone(name, key) : this.#row(name, key, random.chance(0.9))
    if (random.chance(0.1)) void this.#inTransaction(row)
    else this.#cluster.append([row])
  }

  /** Some other producer's transaction: open for a while, and sometimes aborted. */
  async #inTransaction(row: NewRecord): Promise<void> {
    const { transactions, world } = this.#cluster
    const id = `foreign-${++this.#foreign}`
    const epoch = await transactions.init(id)
    for (const [partition, records] of this.#cluster.targets([row]))
      await transactions.produce(id, epoch, partition, records)
    const isCommit = this.#random.chance(0.7)
    world.after(this.#random.between(1, 3_000), `${id} ends`, () => {
      transactions.end(id, epoch, isCommit)
    })
  }

  #event(key: string | null): NewRecord {
    const random = this.#random
    const number = this.#events++
    const value = random.chance(0.02) ? null : random.chance(0.02) ? Buffer.from('{') : encode({ number })
    const headers = [['number', Buffer.from(String(number))]] as const
    return { ...this.#base('events', key), value, headers }
  }

  #row(table: string, key: string, isReady: boolean): NewRecord {
    const version = (this.#versions.get(table + key) ?? 0) + 1
    this.#versions.set(table + key, version)
    return { ...this.#base(table, key), value: encode({ version, isReady }) }
  }

  #tombstone(table: string, key: string): NewRecord {
    return { ...this.#base(table, key), value: null }
  }

  #base(topic: string, key: string | null): Omit<NewRecord, 'value'> {
    const { world } = this.#cluster
    const timestamp = brokerTime(world) - (this.#random.chance(0.1) ? this.#random.between(0, 2_000) : 0)
    return { topic, key: key === null ? null : Buffer.from(key), timestamp, headers: [] }
  }
}
