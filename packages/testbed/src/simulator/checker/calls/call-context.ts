import type { Origin } from '@joinery/core/log'
import type { SimCluster } from '../../brokers/sim-cluster.js'
import type { InjectedFault } from '../../nemesis/nemesis.js'
import type { SimCalls } from '../../scenario/call-scenario.js'
import type { Scenario } from '../../scenario/scenario.js'
import type { RequestLedger } from '../../service/request-ledger.js'

/** What the checks of calls need in addition to the log. */
export interface CallContext {
  readonly cluster: SimCluster
  readonly scenario: Scenario
  readonly calls: SimCalls
  /** The requests as the service and its callers saw them. */
  readonly ledger: RequestLedger
  readonly faults: readonly InjectedFault[]
  /** When each process finished a graceful stop. */
  readonly closed: ReadonlyMap<string, number>
  /** The record whose functions block their process, if there is one. */
  readonly blocking: Origin | undefined
}
