import type { Instance } from './instance.js'
import type { Network } from './network.js'
import type { Random } from './random.js'
import type { SimCluster } from './sim-cluster.js'
import type { StoreTrouble } from './sim-stores.js'
import type { World } from './world.js'

/** What the nemesis can do. */
export const FAULTS = [
  'kill',
  'outage',
  'stop',
  'pause',
  'cut',
  'lossy network',
  'slow network',
  'slow markers',
  'store failures',
  'store stalls',
  'clock step',
  'compaction',
] as const

/** How far wall clocks are set, in milliseconds. */
const STEPS = [-3_600_000, -5_000, 5_000, 3_600_000] as const

export type Fault = (typeof FAULTS)[number]

/** What it does it to. */
export interface Victims {
  readonly world: World
  readonly cluster: SimCluster
  readonly network: Network
  readonly trouble: StoreTrouble
  readonly instances: readonly Instance[]
}

/** Does harm at random times, and ends it after a while. */
export class Nemesis {
  readonly #victims: Victims
  readonly #random: Random
  readonly #allowed: readonly Fault[]
  readonly counts: Partial<Record<Fault, number>> = {}

  constructor(victims: Victims, random: Random, without: readonly Fault[]) {
    this.#victims = victims
    this.#random = random
    // a few kinds in each history: all at once would hide what each does
    const some = FAULTS.filter(() => random.chance(0.4))
    this.#allowed = (some.length === 0 ? [random.pick(FAULTS)] : some).filter((fault) => !without.includes(fault))
  }

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0)
  }

  start(untilMs: number, meanMs: number): void {
    const { world } = this.#victims
    const next = (): void => {
      world.after(-Math.log(1 - this.#random.next()) * meanMs, 'the nemesis acts', () => {
        if (world.now > untilMs) return
        if (this.#allowed.length > 0) this.#do(this.#random.pick(this.#allowed))
        next()
      })
    }
    next()
  }

  /** Ends all harm, and starts what is down. */
  heal(): void {
    const { network, trouble, cluster, instances } = this.#victims
    network.cut.clear()
    network.loss = 0
    network.delay = 0
    trouble.failures = 0
    trouble.stalls = 0
    cluster.transactions.slowMarkers = 0
    for (const instance of instances) {
      instance.mustRun = true
      instance.process?.resume()
      instance.start()
    }
  }

  #do(fault: Fault): void {
    const { world, network, trouble, cluster, instances } = this.#victims
    const random = this.#random
    const instance = random.pick(instances)
    this.counts[fault] = (this.counts[fault] ?? 0) + 1
    world.note(`nemesis: ${fault} ${instance.name}`)
    const later = (most: number, undo: () => void) => {
      world.after(random.between(50, most), `nemesis ends ${fault}`, undo)
    }
    const restart = () =>
      later(3_000, () => {
        instance.start()
      })
    switch (fault) {
      case 'kill':
        instance.kill()
        restart()
        break
      case 'outage': {
        for (const each of instances) each.kill()
        // long enough for compaction to take tombstones that nobody has seen
        const cleaned = random.between(1_000, 60_000)
        later(60_000, () => {
          for (const each of instances) each.start()
        })
        world.after(cleaned, 'compaction', () => cluster.clean())
        break
      }
      case 'stop':
        instance.stop()
        restart()
        break
      case 'pause': {
        const { process } = instance
        process?.pause()
        // often longer than the session time-out: a zombie
        later(20_000, () => process?.resume())
        break
      }
      case 'cut': {
        const name = instance.process?.name ?? instance.name
        network.cut.add(name)
        later(15_000, () => network.cut.delete(name))
        break
      }
      case 'lossy network':
        network.loss = random.next() * 0.3
        later(4_000, () => {
          network.loss = 0
        })
        break
      case 'slow network':
        network.delay = random.next() * 0.2
        later(4_000, () => {
          network.delay = 0
        })
        break
      case 'slow markers':
        cluster.transactions.slowMarkers = random.next()
        later(8_000, () => {
          cluster.transactions.slowMarkers = 0
        })
        break
      case 'store failures':
        trouble.failures = random.next() * 0.3
        later(4_000, () => {
          trouble.failures = 0
        })
        break
      case 'store stalls':
        trouble.stalls = random.next() * 0.2
        later(4_000, () => {
          trouble.stalls = 0
        })
        break
      case 'clock step':
        if (instance.process !== undefined) instance.process.clockAheadMs += random.pick(STEPS)
        break
      case 'compaction':
        cluster.clean()
    }
  }
}
