import { reportsTopic } from '@joinery/core/log'
import { brokerTime } from '../brokers/broker-time.js'
import type { SimCluster } from '../brokers/sim-cluster.js'
import type { Violation } from '../checker/violation.js'
import type { Instance } from '../machines/instance.js'
import type { Random } from '../random.js'
import { Person } from '../service/person.js'
import type { SimService } from '../service/sim-service.js'
import type { SimCalls } from './call-scenario.js'
import { CallWorkload } from './call-workload.js'
import { Relay } from './relay.js'
import { APPLICATION, type Scenario } from './scenario.js'

const REPORTS = reportsTopic(APPLICATION)
const NONSENSE = Buffer.from('{"type":"report","what":"done"}')

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
  #isOver = false

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
    const stranger = this.#random.fork()
    if (stranger.chance(0.25)) this.#writeNonsense(stranger)
  }

  /** Somebody writes into the reports what is none: nothing may come of it. */
  #writeNonsense(random: Random): void {
    const { cluster, scenario } = this.#parts
    cluster.world.after(random.between(1, 100), 'a stranger writes into the reports', () => {
      const partition = random.between(0, scenario.partitions - 1)
      const record = { partition, key: null, value: NONSENSE, timestamp: brokerTime(cluster.world), headers: [] }
      if (cluster.info(REPORTS) !== undefined) cluster.append([{ topic: REPORTS, ...record }])
      if (!this.#isOver) this.#writeNonsense(random)
    })
  }

  finish(): void {
    this.#isOver = true
    this.#workload.finish()
    this.#person.finish()
  }
}

/** How much longer a call takes where few are made at once: nobody asks for more than can be made. */
function slowness({ keys, commitEveryMs }: Scenario, { service, timeoutMs, concurrency }: SimCalls): number {
  return (2 * service.answersInMs + timeoutMs / 10 + commitEveryMs) / Math.min(keys.length, concurrency)
}
