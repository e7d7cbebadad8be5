import { createHash } from 'node:crypto'
import type { NewRecord } from '@joinery/core'
import type { Origin } from '@joinery/core/log'
import { heal } from './brokers/broker-control.js'
import { Network } from './brokers/network.js'
import { SimCluster } from './brokers/sim-cluster.js'
import { SimGroup } from './brokers/sim-group.js'
import { check } from './checker/check.js'
import { textOf } from './checker/log-history.js'
import { MemoryMonitor } from './checker/memory-bounds.js'
import { RecoveryCheck } from './checker/recovered-state.js'
import { checkTableViews } from './checker/table-views.js'
import { HealthMonitor } from './checker/truthful-health.js'
import type { Violation } from './checker/violation.js'
import { drain } from './drain.js'
import { EventLoop } from './event-loop.js'
import { checkLastFault } from './last-fault.js'
import { Instance, type SimContext } from './machines/instance.js'
import { SimDisk } from './machines/sim-disk.js'
import { type InjectedFault, Nemesis } from './nemesis/nemesis.js'
import { Random } from './random.js'
import { CallEnvironment } from './scenario/call-environment.js'
import { IN_DOUBT, REPLIES, REQUESTS } from './scenario/call-values.js'
import { JoinTraffic } from './scenario/join-traffic.js'
import { APPLICATION, chooseScenario, DEAD, type Scenario, type Workload } from './scenario/scenario.js'
import { chooseTransactions } from './scenario/transaction-scenario.js'
import { isRefused, type SimResult } from './scenario/values.js'
import { SimService } from './service/sim-service.js'

/** Selects one history. */
export interface SimOptions {
  readonly seed: number
  readonly workload: Workload
  /** How long producers and the nemesis are active, in simulated milliseconds. Default: chosen by the seed, and long enough. */
  readonly horizonMs?: number | undefined
  /** The indexes of the faults to inject. All others are left out. */
  readonly only?: readonly number[] | undefined
  readonly keepsTrace?: boolean
}

/** The result of one history. */
export interface SimHistory {
  readonly seed: number
  readonly workload: Workload
  readonly steps: number
  readonly faults: readonly InjectedFault[]
  readonly events: number
  readonly simulatedMs: number
  /** The same whenever the same seed is simulated. */
  readonly hash: string
  readonly violations: readonly Violation[]
  readonly scenario: Scenario
  readonly trace: readonly string[] | undefined
  /** The brokers with everything that was ever written. */
  readonly cluster: SimCluster
  /** The external service, if calls are made. */
  readonly service: SimService | undefined
}

/** The minimum of steps and faults in every history. */
export const MIN_STEPS = 2_000
export const MIN_FAULTS = 3

const MAX_STEPS = 400_000
/** Brokers reject timestamps that are further ahead. */
const MAX_AHEAD_MS = 3_600_000

/** Simulates one history: inject faults, heal, drain, verify. */
export async function simulate({ seed, workload, horizonMs, only, keepsTrace }: SimOptions): Promise<SimHistory> {
  const random = new Random(seed)
  const scenario: Scenario = { ...chooseScenario(random.fork(), workload), transactions: chooseTransactions(seed + 4) }
  const horizon = horizonMs ?? horizonOf(scenario, random)
  const eventLoop = new EventLoop(random.fork(), keepsTrace)
  const cluster = new SimCluster(eventLoop, scenario)
  createTopics(cluster, scenario)
  const recovery = new RecoveryCheck()
  const network = new Network(eventLoop)
  network.reportsLagMs = scenario.reportsLagMs
  const { calls } = scenario
  // a separate generator, so that the joins of a history do not depend on calls
  const callRandom = new Random(seed + 1)
  const service = calls && new SimService(eventLoop, network, calls, callRandom.fork())
  const context: SimContext = {
    eventLoop,
    scenario,
    cluster,
    network,
    group: new SimGroup(eventLoop, scenario.partitions),
    storeFaultRates: { failures: 0, stalls: 0, hanging: new Set() },
    server: new SimDisk(),
    service,
    halts: false,
    blocking: undefined,
    slowEvents: undefined,
    isBounded: true,
    restored: (...of) => recovery.restored(context, ...of),
  }
  cluster.staleFencing.lastMemberAt = (process) => context.group.lastMemberAt(process)
  const instances = Array.from({ length: scenario.processes }, (_, i) => new Instance(`p${i}`, context))
  const nemesis = new Nemesis({ ...context, instances }, random.fork(), only)
  const joinTraffic = new JoinTraffic(cluster, scenario, random.fork())
  const callEnvironment =
    calls && service && new CallEnvironment({ cluster, scenario, calls, service, instances }, callRandom)
  const memory = new MemoryMonitor(context, instances)
  const health = new HealthMonitor(context, instances)
  for (const instance of instances)
    eventLoop.schedule(eventLoop.random.between(0, 2_000), `${instance.name} starts`, () => instance.start())
  // each result of a join causes a call, and calls take longer
  joinTraffic.start(random.between(20, 150) * (calls === undefined ? 1 : 5))
  callEnvironment?.start()
  nemesis.start(horizon / random.between(4, 12))
  memory.start()
  health.start()

  const isLongEnough = () => eventLoop.steps >= MIN_STEPS && nemesis.count >= MIN_FAULTS
  await eventLoop.run(() => eventLoop.now > horizon && (horizonMs !== undefined || isLongEnough()), MAX_STEPS)
  nemesis.heal()
  joinTraffic.finish()
  callEnvironment?.finish()
  if (scenario.bound !== undefined) removeBound(context, instances)
  const stuck = await drain(context, instances)
  heal(cluster)
  const closed = new Map(instances.flatMap((instance) => [...instance.closed]))
  const hadClockStep = nemesis.injected.some(({ fault }) => fault === 'clock step')
  const checkLog = (blocking?: Origin) =>
    check({ cluster, scenario, hadClockStep, service, faults: nemesis.injected, closed, blocking })
  const violations = stuck === undefined ? [...checkLog(), ...(await checkTableViews(context, instances))] : [stuck]
  const steps = eventLoop.steps
  const last = stuck === undefined ? await checkLastFault(context, { instances, seed, checkLog }) : undefined
  return {
    seed,
    workload,
    steps,
    faults: nemesis.injected,
    events: joinTraffic.events + (callEnvironment?.requestCount ?? 0),
    simulatedMs: eventLoop.now,
    hash: `${eventLoop.hash}-${hashOf(cluster)}`,
    violations: [
      ...cluster.violations.slice(0, 1),
      ...recovery.violations,
      ...memory.violations.slice(0, 1),
      ...health.violations.slice(0, 1),
      ...(callEnvironment?.violations ?? []),
      ...violations,
      ...(last ? [last] : []),
    ],
    scenario,
    trace: eventLoop.trace,
    cluster,
    service,
  }
}

/** Restarts all instances without a bound, so that tables that are full can be read to their ends. */
function removeBound(context: SimContext, instances: readonly Instance[]): void {
  context.isBounded = false
  for (const instance of instances) {
    instance.mustRun = true
    instance.stop()
  }
}

function horizonOf({ onlyFreezes, calls }: Scenario, random: Random): number {
  if (onlyFreezes) return random.between(45_000, 60_000)
  return random.between(15_000, 40_000) * (calls === undefined ? 1 : 0.6)
}

function createTopics(cluster: SimCluster, scenario: Scenario): void {
  const { partitions, sinkPartitions, maxResultBytes, pipelines, tables, calls, refuses, transactions } = scenario
  const { maxBatchBytes: maxMessageBytes } = transactions
  cluster.namesRefused = refuses !== 'unnamed'
  const accepts = ({ value }: NewRecord) => refuses === undefined || !isRefused(JSON.parse(textOf(value)) as SimResult)
  const cleanup = 'delete'
  for (const { stream, sink } of pipelines) {
    cluster.create(stream, { partitions, cleanup, maxMessageBytes })
    cluster.create(sink, {
      partitions: sinkPartitions,
      cleanup,
      maxMessageBytes: maxResultBytes,
      maxAheadMs: MAX_AHEAD_MS,
      accepts,
    })
  }
  if (calls !== undefined) {
    cluster.create(REQUESTS, { partitions, cleanup, maxMessageBytes })
    cluster.create(REPLIES, { partitions: sinkPartitions, cleanup, maxMessageBytes: maxResultBytes })
    cluster.create(IN_DOUBT, { partitions: sinkPartitions, cleanup })
  }
  cluster.create(DEAD, { partitions: sinkPartitions, cleanup, maxAheadMs: MAX_AHEAD_MS })
  for (const table of tables) cluster.create(table.name, { partitions, cleanup: table.cleanup, maxMessageBytes })
}

/** @returns a hash of everything that was ever written, except for the nonces of OWNER records */
function hashOf(cluster: SimCluster): string {
  const hash = createHash('sha1')
  for (const { topic, partition, entries } of cluster.partitions) {
    hash.update(`${topic}/${partition}`)
    for (const { record, at, visibleAt } of entries) {
      const isOwner = topic === `${APPLICATION}-changelog` && record?.key?.[1] === 0
      hash.update(`${at} ${visibleAt}`)
      if (record?.value != null && !isOwner) hash.update(record.value)
    }
  }
  return hash.digest('hex').slice(0, 16)
}
