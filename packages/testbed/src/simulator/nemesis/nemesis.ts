import { freeze, heal } from '../brokers/broker-control.js'
import type { Random } from '../random.js'
import { CALL_FAULTS, FAULTS, type Fault } from './fault.js'
import { injectFault } from './faults.js'
import { endHangingTransactions } from './hanging-transactions.js'
import type { NemesisTargets } from './occurrence.js'

/** A fault that occurred. */
export interface InjectedFault {
  /** Its number in the history. */
  readonly index: number
  readonly fault: Fault
  /** When it began. */
  at: number
}

/** Injects faults at random times, and ends each after some time. */
export class Nemesis {
  readonly #targets: NemesisTargets
  readonly #random: Random
  readonly #kinds: readonly Fault[]
  readonly #only: ReadonlySet<number> | undefined
  #count = 0
  #isOver = false
  readonly injected: InjectedFault[] = []

  /** @param only the indexes of the faults to inject. Leaving out others does not change them */
  constructor(targets: NemesisTargets, random: Random, only?: readonly number[]) {
    this.#targets = targets
    this.#random = random
    this.#only = only && new Set(only)
    // a few kinds of faults in each history, because all at once would mask each other
    const all: readonly Fault[] = targets.service === undefined ? FAULTS : [...FAULTS, ...CALL_FAULTS]
    const some = all.filter(() => random.fork().chance(0.3))
    const kinds = some.length === 0 ? [random.pick(all)] : some
    this.#kinds = targets.scenario.onlyFreezes ? ['broker freezes'] : kinds
  }

  /** The number of faults so far, including those that were left out. */
  get count(): number {
    return this.#count
  }

  start(meanMs: number): void {
    const { eventLoop } = this.#targets
    const random = this.#random
    const next = (): void => {
      const wait = -Math.log(1 - random.next()) * meanMs
      const fault = random.pick(this.#kinds)
      const faultRandom = random.fork()
      eventLoop.schedule(wait, 'the nemesis injects a fault', () => {
        if (this.#isOver) return
        this.#inject(fault, faultRandom)
        next()
      })
    }
    next()
  }

  #inject(fault: Fault, random: Random): void {
    const index = this.#count++
    if (this.#only?.has(index) === false) return
    const { eventLoop } = this.#targets
    const injected: InjectedFault = { index, fault, at: eventLoop.now }
    this.injected.push(injected)
    injectFault(fault, this.#targets, random, {
      isOver: () => this.#isOver,
      begins: () => {
        injected.at = eventLoop.now
      },
    })
  }

  /** Ends all faults, except that one broker stays frozen in some scenarios, and starts every instance that is down. */
  heal(): void {
    this.#isOver = true
    const { network, scenario, storeFaultRates, cluster, group, instances, service } = this.#targets
    network.heal()
    heal(cluster)
    group.stopMisleadingAll()
    endHangingTransactions(cluster, instances)
    if (scenario.endsFrozen) freeze(cluster, this.#random.pick(cluster.brokers), scenario.brokerSessionMs)
    service?.heal()
    storeFaultRates.failures = 0
    storeFaultRates.stalls = 0
    storeFaultRates.hanging.clear()
    cluster.transactions.slowMarkerRate = 0
    for (const instance of instances) {
      instance.mustRun = true
      instance.process?.resume()
      instance.start()
    }
  }
}
