import type { SimCluster } from '../brokers/sim-cluster.js'
import type { SimPartition } from '../brokers/sim-partition.js'
import type { Random } from '../random.js'
import { REQUESTS, type SimAsk } from './call-values.js'
import type { SimResult } from './values.js'

const LATEST_MS = 400
const MOST = 100

/** Copies what the joins have given to where calls are asked for, as some other service does: some of it twice. */
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
    const { records, next } = partition.read(from, MOST)
    for (const { key, value, timestamp, headers } of records) {
      const { number } = JSON.parse(Buffer.from(value as Uint8Array).toString()) as SimResult
      const ask: SimAsk = { number, id: `e${number}` }
      const record = { topic: REQUESTS, key, value: Buffer.from(JSON.stringify(ask)), timestamp, headers }
      for (let copies = this.#random.chance(0.1) ? 2 : 1; copies > 0; copies--) {
        this.#cluster.world.after(this.#random.between(1, LATEST_MS), 'a result is copied', () => {
          this.#cluster.append([record])
        })
      }
    }
    if (next > from) this.#follow(partition, next)
    else partition.watch(() => this.#follow(partition, next))
  }
}
