import type { SimCluster } from '../brokers/sim-cluster.js'
import type { SimPartition } from '../brokers/sim-partition.js'
import type { Random } from '../random.js'
import { REQUESTS, type SimRequest } from './call-values.js'
import type { SimResult } from './values.js'

const MAX_DELAY_MS = 400
const MAX_RECORDS = 100

/** Copies the results of joins to the topic of requests, as another service would, and some of them twice. */
export class Relay {
  readonly #cluster: SimCluster
  readonly #random: Random

  constructor(cluster: SimCluster, random: Random) {
    this.#cluster = cluster
    this.#random = random
  }

  start(topic: string): void {
    for (const partition of this.#cluster.partitionsOf(topic)) this.#follow(partition, 0)
  }

  #follow(partition: SimPartition, from: number): void {
    const { records, next } = partition.read(from, MAX_RECORDS)
    for (const { key, value, timestamp, headers } of records) {
      const { number } = JSON.parse(Buffer.from(value as Uint8Array).toString()) as SimResult
      const request: SimRequest = { number, id: `e${number}` }
      const record = { topic: REQUESTS, key, value: Buffer.from(JSON.stringify(request)), timestamp, headers }
      for (let copies = this.#random.chance(0.1) ? 2 : 1; copies > 0; copies--) {
        this.#cluster.eventLoop.schedule(this.#random.between(1, MAX_DELAY_MS), 'a result is copied', () => {
          this.#cluster.append([record])
        })
      }
    }
    if (next > from) this.#follow(partition, next)
    else partition.onceChanged(() => this.#follow(partition, next))
  }
}
