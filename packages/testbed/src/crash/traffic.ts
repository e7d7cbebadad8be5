import type { Log, NewRecord } from '@joinery/core/log'
import type { Random } from '../simulator/random.js'
import type { Service } from './service.js'

/** Part of every activation. It shows up wherever the bytes of a record are printed. */
export const SECRET = 'planted-4f1d'
export const ID_HEADER = 'id'
const TICK_MS = 20
const PRODUCTS = 150
const CUSTOMERS = 40
const MAX_LATE_MS = 4_500

/** The events that were acknowledged, and therefore must be in the log. */
export interface AcknowledgedEvents {
  /** The ids of stream records, by topic. */
  readonly ids: ReadonlyMap<string, readonly number[]>
  /** The number of failed appends. Their records may be in the log or not. */
  readonly failures: number
}

/** Produces the inputs of a service, with late rows, deleted rows, rows that never come, and invalid records. */
export class Traffic {
  readonly #service: Service
  readonly #log: Pick<Log, 'sink'>
  readonly #random: Random
  readonly #perTick: number
  readonly #partitions: number
  readonly #acknowledged: Map<string, number[]>
  readonly #versions = new Map<string, number>()
  readonly #late: { readonly topic: string; readonly key: string; readonly at: number }[] = []
  #failures = 0
  #ids = 0
  #isOver = false
  #running: Promise<void> | undefined

  /** @param perSecond stream records per second, not counting rows */
  constructor(service: Service, log: Pick<Log, 'sink'>, random: Random, perSecond: number, partitions: number) {
    this.#service = service
    this.#log = log
    this.#random = random
    this.#perTick = (perSecond * TICK_MS) / 1_000
    this.#partitions = partitions
    this.#acknowledged = new Map([service.activations, service.orders].map(({ name }) => [name, []]))
  }

  /** The number of stream records so far. */
  get sent(): number {
    return this.#ids
  }

  async start(): Promise<void> {
    const { information, customers } = this.#service
    const rows = [
      ...Array.from({ length: PRODUCTS }, (_, i) => this.#row(information.name, `p${i}`)),
      ...Array.from({ length: CUSTOMERS }, (_, i) => this.#row(customers.name, `c${i}`)),
    ]
    await this.#append(rows, [])
    this.#running = this.#run()
  }

  /** Stops, after appending the rows that events may still wait for. */
  async stop(): Promise<AcknowledgedEvents> {
    this.#isOver = true
    await this.#running
    await this.#append(
      this.#late.splice(0).map(({ topic, key }) => this.#row(topic, key)),
      [],
    )
    return { ids: this.#acknowledged, failures: this.#failures }
  }

  async #run(): Promise<void> {
    let due = 0
    let next = performance.now()
    while (!this.#isOver) {
      due += this.#perTick
      const records: NewRecord[] = []
      const ids: (readonly [topic: string, id: number])[] = []
      for (; due >= 1; due--) {
        const event = this.#random.chance(0.8) ? this.#activation() : this.#order()
        records.push(event)
        ids.push([event.topic, this.#ids++])
      }
      records.push(...this.#rows())
      await this.#append(records, ids)
      next = Math.max(next + TICK_MS, performance.now() - TICK_MS) // records that were not produced during an outage are not caught up
      await new Promise((resolve) => setTimeout(resolve, next - performance.now()))
    }
  }

  async #append(records: readonly NewRecord[], ids: readonly (readonly [topic: string, id: number])[]): Promise<void> {
    try {
      await this.#log.sink.append(records)
      for (const [topic, id] of ids) this.#acknowledged.get(topic)?.push(id)
    } catch {
      this.#failures++ // the records were not acknowledged
    }
  }

  #activation(): NewRecord {
    const random = this.#random
    const { activations, information } = this.#service
    const kind = random.next()
    const value = { id: this.#ids, secret: SECRET }
    if (kind < 0.005) return this.#event(activations.name, null, value)
    if (kind < 0.01) return this.#event(activations.name, `p${random.between(0, PRODUCTS - 1)}`, null)
    if (kind < 0.015) return this.#raw(activations.name, `p${random.between(0, PRODUCTS - 1)}`, `{"secret":"${SECRET}`)
    if (kind < 0.02)
      return this.#raw(activations.name, `p${random.between(0, PRODUCTS - 1)}`, `{"__proto__":{"is":"${SECRET}"}}`)
    if (kind < 0.03)
      return this.#event(activations.name, `p${random.between(0, PRODUCTS - 1)}`, { ...value, isBad: true })
    if (kind < 0.05) return this.#event(activations.name, `never${random.between(0, 20)}`, value)
    if (kind < 0.2) return this.#event(activations.name, this.#lateKey(information.name), value)
    return this.#event(activations.name, `p${random.between(0, PRODUCTS - 1)}`, value)
  }

  #order(): NewRecord {
    const random = this.#random
    const { orders, customers } = this.#service
    const kind = random.next()
    const value = { id: this.#ids }
    if (kind < 0.01) return this.#event(orders.name, null, value)
    if (kind < 0.02) return this.#event(orders.name, `c${random.between(0, CUSTOMERS - 1)}`, null)
    if (kind < 0.1) return this.#event(orders.name, this.#lateKey(customers.name), value)
    return this.#event(orders.name, `c${random.between(0, CUSTOMERS - 1)}`, value)
  }

  /** @returns a key whose events are waiting already, or a new one */
  #lateKey(topic: string): string {
    const waiting = this.#late.filter((each) => each.topic === topic)
    if (waiting.length > 0 && this.#random.chance(0.5)) return this.#random.pick(waiting).key
    const key = `late${this.#ids}`
    this.#late.push({ topic, key, at: performance.now() + this.#random.next() ** 2 * MAX_LATE_MS })
    return key
  }

  /** @returns rows that are due, and changes of others */
  #rows(): NewRecord[] {
    const random = this.#random
    const { information, customers } = this.#service
    const now = performance.now()
    const due = this.#late.filter(({ at }) => at <= now)
    for (const each of due) this.#late.splice(this.#late.indexOf(each), 1)
    const rows = due.map(({ topic, key }) => this.#row(topic, key))
    if (random.chance(0.5)) rows.push(this.#row(information.name, `p${random.between(0, PRODUCTS - 1)}`))
    if (random.chance(0.2)) rows.push(this.#row(customers.name, `c${random.between(0, CUSTOMERS - 1)}`))
    if (random.chance(0.05)) rows.push(...this.#gone(information.name, `p${random.between(0, PRODUCTS - 1)}`))
    if (random.chance(0.05)) rows.push(...this.#gone(customers.name, `c${random.between(0, CUSTOMERS - 1)}`))
    if (random.chance(0.02)) rows.push(this.#raw(information.name, `p${random.between(0, PRODUCTS - 1)}`, '{'))
    return rows
  }

  /** Deletes a row, which is written again later. */
  #gone(topic: string, key: string): NewRecord[] {
    this.#late.push({ topic, key, at: performance.now() + this.#random.next() ** 2 * MAX_LATE_MS })
    return [{ topic, key: Buffer.from(key), value: null, timestamp: Date.now(), headers: [] }]
  }

  #row(topic: string, key: string): NewRecord {
    const version = (this.#versions.get(`${topic}/${key}`) ?? 0) + 1
    this.#versions.set(`${topic}/${key}`, version)
    const value = Buffer.from(JSON.stringify({ version }))
    return { topic, key: Buffer.from(key), value, timestamp: Date.now(), headers: [] }
  }

  #event(topic: string, key: string | null, value: unknown): NewRecord {
    return this.#raw(topic, key, value === null ? null : JSON.stringify(value))
  }

  #raw(topic: string, key: string | null, value: string | null): NewRecord {
    return {
      topic,
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      timestamp: Date.now(),
      headers: [
        [ID_HEADER, Buffer.from(String(this.#ids))],
        ['empty', null],
      ],
      ...(key === null && { partition: this.#random.between(0, this.#partitions - 1) }),
    }
  }
}
