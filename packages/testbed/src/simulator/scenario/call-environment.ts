import { reportsTopic } from '@joinery/core/log'
import { brokerTime } from '../brokers/broker-time.js'
import type { SimCluster } from '../brokers/sim-cluster.js'
import type { Violation } from '../checker/violation.js'
import type { Instance } from '../machines/instance.js'
import type { Random } from '../random.js'
import { HumanOperator } from '../service/human-operator.js'
import type { SimService } from '../service/sim-service.js'
import type { SimCalls } from './call-scenario.js'
import { CallTraffic } from './call-traffic.js'
import { Relay } from './relay.js'
import { APPLICATION, type Scenario } from './scenario.js'

const REPORTS = reportsTopic(APPLICATION)
const INVALID_REPORT = Buffer.from('{"type":"report","what":"done"}')

/** The parts of the environment of calls. */
export interface CallEnvironmentOptions {
  readonly cluster: SimCluster
  readonly scenario: Scenario
  readonly calls: SimCalls
  readonly service: SimService
  readonly instances: readonly Instance[]
}

/** Everything outside the application that concerns calls: the producers of requests, and the human operator. */
export class CallEnvironment {
  readonly #parts: CallEnvironmentOptions
  readonly #random: Random
  readonly #workload: CallTraffic
  readonly #operator: HumanOperator
  #isOver = false

  constructor(parts: CallEnvironmentOptions, random: Random) {
    const { cluster, scenario, calls, service, instances } = parts
    this.#parts = parts
    this.#random = random
    this.#workload = new CallTraffic(cluster, scenario, random.fork())
    this.#operator = new HumanOperator({ cluster, calls, ledger: service.ledger, instances }, random.fork())
  }

  get requestCount(): number {
    return this.#workload.requestCount
  }

  get violations(): readonly Violation[] {
    return this.#operator.violations.slice(0, 1)
  }

  start(): void {
    const { cluster, scenario, calls } = this.#parts
    this.#operator.start(calls.operatorIntervalMs)
    if (calls.source === 'producers')
      this.#workload.start(this.#random.between(200, 700) + extraIntervalMs(scenario, calls))
    else for (const { sink } of scenario.pipelines) new Relay(cluster, this.#random.fork()).start(sink)
    const invalidReports = this.#random.fork()
    if (invalidReports.chance(0.25)) this.#appendInvalidReport(invalidReports)
  }

  /** Appends invalid records to the reports topic. They must be ignored. */
  #appendInvalidReport(random: Random): void {
    const { cluster, scenario } = this.#parts
    cluster.eventLoop.schedule(random.between(1, 100), 'an invalid report is appended', () => {
      const partition = random.between(0, scenario.partitions - 1)
      const record = {
        partition,
        key: null,
        value: INVALID_REPORT,
        timestamp: brokerTime(cluster.eventLoop),
        headers: [],
      }
      if (cluster.info(REPORTS) !== undefined) cluster.append([{ topic: REPORTS, ...record }])
      if (!this.#isOver) this.#appendInvalidReport(random)
    })
  }

  finish(): void {
    this.#isOver = true
    this.#workload.finish()
    this.#operator.finish()
  }
}

/** @returns additional time between requests, so that no more calls are requested than can be made */
function extraIntervalMs({ keys, commitEveryMs }: Scenario, { service, timeoutMs, concurrency }: SimCalls): number {
  return (2 * service.latencyMs + timeoutMs / 10 + commitEveryMs) / Math.min(keys.length, concurrency)
}
