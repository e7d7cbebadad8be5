import type { Random } from '../random.js'
import { CALL_FAULTS, FAULTS, type Fault, happen, type Victims } from './faults.js'

/** A fault that happened. */
export interface Happened {
  /** The how many-th of its history it is. */
  readonly index: number
  readonly fault: Fault
  readonly at: number
}

/** Does harm at random times, and ends it after a while. */
export class Nemesis {
  readonly #victims: Victims
  readonly #random: Random
  readonly #kinds: readonly Fault[]
  readonly #only: ReadonlySet<number> | undefined
  #planned = 0
  #isOver = false
  readonly happened: Happened[] = []

  /** @param only leaves out all other occurrences; those that remain are what they were */
  constructor(victims: Victims, random: Random, only?: readonly number[]) {
    this.#victims = victims
    this.#random = random
    this.#only = only && new Set(only)
    // a few kinds in each history: all at once would hide what each does
    const all: readonly Fault[] = victims.service === undefined ? FAULTS : [...FAULTS, ...CALL_FAULTS]
    const some = all.filter(() => random.fork().chance(0.3))
    this.#kinds = some.length === 0 ? [random.pick(all)] : some
  }

  /** How many faults there were, with those that were left out. */
  get planned(): number {
    return this.#planned
  }

  start(meanMs: number): void {
    const { world } = this.#victims
    const random = this.#random
    const next = (): void => {
      const wait = -Math.log(1 - random.next()) * meanMs
      const fault = random.pick(this.#kinds)
      const own = random.fork()
      world.after(wait, 'the nemesis acts', () => {
        if (this.#isOver) return
        this.#act(fault, own)
        next()
      })
    }
    next()
  }

  #act(fault: Fault, random: Random): void {
    const index = this.#planned++
    if (this.#only?.has(index) === false) return
    this.happened.push({ index, fault, at: this.#victims.world.now })
    happen(fault, this.#victims, random, () => this.#isOver)
  }

  /** Ends all harm, and starts what is down. */
  heal(): void {
    this.#isOver = true
    const { network, trouble, cluster, instances, service } = this.#victims
    network.heal()
    service?.heal()
    trouble.failures = 0
    trouble.stalls = 0
    cluster.transactions.slowMarkers = 0
    for (const instance of instances) {
      instance.mustRun = true
      instance.process?.resume()
      instance.start()
    }
  }
}
