import type { Network } from '../brokers/network.js'
import type { SimCluster } from '../brokers/sim-cluster.js'
import type { SimGroup } from '../brokers/sim-group.js'
import type { EventLoop } from '../event-loop.js'
import type { Instance } from '../machines/instance.js'
import type { SimDisk } from '../machines/sim-disk.js'
import type { StoreFaultRates } from '../machines/sim-stores.js'
import type { Random } from '../random.js'
import type { Scenario } from '../scenario/scenario.js'
import type { SimService } from '../service/sim-service.js'

/** The targets of faults. */
export interface NemesisTargets {
  readonly eventLoop: EventLoop
  readonly scenario: Scenario
  readonly cluster: SimCluster
  readonly network: Network
  readonly group: SimGroup
  readonly storeFaultRates: StoreFaultRates
  readonly server: SimDisk
  readonly instances: readonly Instance[]
  readonly service: SimService | undefined
}

/** One occurrence of a fault: its targets, and its own random numbers. */
export interface Occurrence extends NemesisTargets {
  readonly random: Random
  readonly instance: Instance
  /** Whether everything has been healed. */
  isOver(): boolean
  /** Runs a function after `from` to `to` milliseconds. */
  later(from: number, to: number, act: () => void): void
}
