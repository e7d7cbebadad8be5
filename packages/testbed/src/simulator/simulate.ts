import { createHash } from 'node:crypto'
import { Network } from './brokers/network.js'
import { SimCluster } from './brokers/sim-cluster.js'
import { SimGroup } from './brokers/sim-group.js'
import { check } from './checker/check.js'
import { MemoryWatch } from './checker/memory.js'
import { RecoveryWatch } from './checker/recovered-state.js'
import { tablesAreTheirTopics } from './checker/tables.js'
import type { Violation } from './checker/violation.js'
import { drain } from './drain.js'
import { changelogIsLost } from './lost-changelog.js'
import { Instance, type Surroundings } from './machines/instance.js'
import { SimDisk } from './machines/sim-disk.js'
import { type Happened, Nemesis } from './nemesis/nemesis.js'
import { Random } from './random.js'
import { ANSWERS, DOUBTS, REQUESTS } from './scenario/call-values.js'
import { Calling } from './scenario/calling.js'
import { JoinWorkload } from './scenario/join-workload.js'
import { APPLICATION, chooseScenario, DEAD, type Scenario, type Workload } from './scenario/scenario.js'
import { SimService } from './service/sim-service.js'
import { World } from './world.js'

/** One history. */
export interface SimOptions {
  readonly seed: number
  readonly workload: Workload
  /** How long producers and the nemesis go on, in simulated milliseconds; default: as the seed says, and until it counts. */
  readonly horizonMs?: number | undefined
  /** Leaves out all other faults of the history, by their numbers. */
  readonly only?: readonly number[] | undefined
  readonly keepsTrace?: boolean
}

/** What came of it. */
export interface SimHistory {
  readonly seed: number
  readonly workload: Workload
  readonly steps: number
  readonly faults: readonly Happened[]
  readonly events: number
  readonly simulatedMs: number
  /** Equal whenever the same seed is played. */
  readonly hash: string
  readonly violations: readonly Violation[]
  readonly scenario: Scenario
  readonly trace: readonly string[] | undefined
  /** The brokers with all that was ever written, to look into. */
  readonly cluster: SimCluster
  /** What calls were made to. */
  readonly service: SimService | undefined
}

/** Every history has so many steps and faults. */
export const LEAST_STEPS = 2_000
export const LEAST_FAULTS = 3

const MOST_STEPS = 400_000
/** Brokers refuse what is further ahead. */
const MAX_AHEAD_MS = 3_600_000

/** Plays one history: faults, then heal, drain, verify. */
export async function simulate({ seed, workload, horizonMs, only, keepsTrace }: SimOptions): Promise<SimHistory> {
  const random = new Random(seed)
  const scenario = chooseScenario(random.fork(), workload)
  const horizon = horizonMs ?? random.between(15_000, 40_000) * (workload === 'calls' ? 0.6 : 1)
  const world = new World(random.fork(), keepsTrace)
  const cluster = new SimCluster(world, scenario)
  createTopics(cluster, scenario)
  const recovery = new RecoveryWatch()
  const network = new Network(world)
  const { calls } = scenario
  // dice of their own, so that what joins do is the same without calls
  const dice = new Random(seed + 1)
  const service = calls && new SimService(world, network, calls, dice.fork())
  const around: Surroundings = {
    world,
    scenario,
    cluster,
    network,
    group: new SimGroup(world, scenario.partitions),
    trouble: { failures: 0, stalls: 0 },
    server: new SimDisk(),
    service,
    restored: (instance, partition) => recovery.restored(around, instance, partition),
  }
  const instances = Array.from({ length: scenario.processes }, (_, i) => new Instance(`p${i}`, around))
  const nemesis = new Nemesis({ ...around, instances }, random.fork(), only)
  const joinWorkload = new JoinWorkload(cluster, scenario, random.fork())
  const calling = calls && service && new Calling({ cluster, scenario, calls, service, instances }, dice)
  const memory = new MemoryWatch(around, instances)
  for (const instance of instances)
    world.after(world.random.between(0, 2_000), `${instance.name} starts`, () => instance.start())
  // each result of a join is a call, and those take longer
  joinWorkload.start(random.between(20, 150) * (calls === undefined ? 1 : 5))
  calling?.start()
  nemesis.start(horizon / random.between(4, 12))
  memory.start()

  const counts = () => world.steps >= LEAST_STEPS && nemesis.planned >= LEAST_FAULTS
  await world.run(() => world.now > horizon && (horizonMs !== undefined || counts()), MOST_STEPS)
  nemesis.heal()
  joinWorkload.finish()
  calling?.finish()
  const stuck = await drain(around, instances)
  const closed = new Map(instances.flatMap((instance) => [...instance.closed]))
  const hadClockStep = nemesis.happened.some(({ fault }) => fault === 'clock step')
  const violations =
    stuck === undefined
      ? [
          ...check({ cluster, scenario, hadClockStep, service, faults: nemesis.happened, closed }),
          ...(await tablesAreTheirTopics(around, instances)),
        ]
      : [stuck]
  const steps = world.steps
  const lost = calls?.losesChangelog === true && stuck === undefined && (await changelogIsLost(around, instances))
  return {
    seed,
    workload,
    steps,
    faults: nemesis.happened,
    events: joinWorkload.events + (calling?.asked ?? 0),
    simulatedMs: world.now,
    hash: `${world.hash}-${hashOf(cluster)}`,
    violations: [
      ...recovery.violations,
      ...memory.violations.slice(0, 1),
      ...(calling?.violations ?? []),
      ...violations,
      ...(lost ? [lost] : []),
    ],
    scenario,
    trace: world.trace,
    cluster,
    service,
  }
}

function createTopics(cluster: SimCluster, scenario: Scenario): void {
  const { partitions, sinkPartitions, maxResultBytes, pipelines, tables, calls } = scenario
  const cleanup = 'delete'
  for (const { stream, sink } of pipelines) {
    cluster.create(stream, { partitions, cleanup })
    cluster.create(sink, {
      partitions: sinkPartitions,
      cleanup,
      maxMessageBytes: maxResultBytes,
      maxAheadMs: MAX_AHEAD_MS,
    })
  }
  if (calls !== undefined) {
    cluster.create(REQUESTS, { partitions, cleanup })
    cluster.create(ANSWERS, { partitions: sinkPartitions, cleanup, maxMessageBytes: maxResultBytes })
    cluster.create(DOUBTS, { partitions: sinkPartitions, cleanup })
  }
  cluster.create(DEAD, { partitions: sinkPartitions, cleanup, maxAheadMs: MAX_AHEAD_MS })
  for (const table of tables) cluster.create(table.name, { partitions, cleanup: table.cleanup })
}

/** Of everything that was ever written, but for the nonces of owners. */
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
