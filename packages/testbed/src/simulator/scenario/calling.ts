import type { SimCluster } from '../brokers/sim-cluster.js'
import type { Violation } from '../checker/violation.js'
import type { Instance } from '../machines/instance.js'
import type { Random } from '../random.js'
import { Person } from '../service/person.js'
import type { SimService } from '../service/sim-service.js'
import type { SimCalls } from './call-scenario.js'
import { CallWorkload } from './call-workload.js'
import { Relay } from './relay.js'
import type { Scenario } from './scenario.js'

/** What calls are played with. */
export interface CallingParts {
  readonly cluster: SimCluster
  readonly scenario: Scenario
  readonly calls: SimCalls
  readonly service: SimService
  readonly instances: readonly Instance[]
}

/** Everything around the application that has to do with calls: those who ask for them, and the person who decides. */
export class Calling {
  readonly #parts: CallingParts
  readonly #random: Random
  readonly #workload: CallWorkload
  readonly #person: Person

  constructor(parts: CallingParts, random: Random) {
    const { cluster, scenario, calls, service, instances } = parts
    this.#parts = parts
    this.#random = random
    this.#workload = new CallWorkload(cluster, scenario, random.fork())
    this.#person = new Person({ cluster, calls, ledger: service.ledger, instances }, random.fork())
  }

  get asked(): number {
    return this.#workload.asked
  }

  get violations(): readonly Violation[] {
    return this.#person.violations.slice(0, 1)
  }

  start(): void {
    const { cluster, scenario, calls } = this.#parts
    this.#person.start(calls.decidesEveryMs)
    if (calls.comes === 'on its own') this.#workload.start(this.#random.between(200, 700) + slowness(scenario, calls))
    else for (const { sink } of scenario.pipelines) new Relay(cluster, this.#random.fork()).start(sink)
  }

  finish(): void {
    this.#workload.finish()
    this.#person.finish()
  }
}

/** How much longer a call takes where few are made at once: nobody asks for more than can be made. */
function slowness({ keys, commitEveryMs }: Scenario, { service, timeoutMs, concurrency }: SimCalls): number {
  return (2 * service.answersInMs + timeoutMs / 10 + commitEveryMs) / Math.min(keys.length, concurrency)
}
