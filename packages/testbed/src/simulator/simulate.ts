import { check, type Violation } from './checker.js'
import { endOf, eventsOf, positions } from './history.js'
import { APPLICATION, Instance, type Surroundings } from './instance.js'
import { type Fault, Nemesis } from './nemesis.js'
import { Network } from './network.js'
import { Random } from './random.js'
import { chooseScenario, DEAD, EVENTS, RESULTS, type Scenario } from './scenario.js'
import { SimCluster } from './sim-cluster.js'
import { SimGroup } from './sim-group.js'
import { Workload } from './workload.js'
import { World } from './world.js'

/** One history. */
export interface SimOptions {
  readonly seed: number
  /** How long producers and the nemesis go on, in simulated milliseconds. */
  readonly horizonMs?: number
  /** Faults that are left out. */
  readonly without?: readonly Fault[]
  readonly keepsTrace?: boolean
}

/** What came of it. */
export interface SimResultOf {
  readonly seed: number
  readonly steps: number
  readonly faults: Partial<Record<Fault, number>>
  readonly faultCount: number
  readonly events: number
  /** Equal whenever the same seed is played. */
  readonly hash: string
  readonly violations: readonly Violation[]
  readonly scenario: Scenario
  readonly trace: readonly string[] | undefined
  /** The brokers with all that was ever written, to look into. */
  readonly cluster: SimCluster
}

const SLICE_MS = 500
const DRAIN_MS = 240_000
/** Until stores have followed the last commit. */
const STORES_MS = 2_000
const MOST_STEPS = 400_000

/** Plays one history: faults, then heal, drain, verify. */
export async function simulate({ seed, horizonMs, without = [], keepsTrace }: SimOptions): Promise<SimResultOf> {
  const random = new Random(seed)
  const scenario = chooseScenario(random)
  const horizon = horizonMs ?? random.between(20_000, 50_000)
  const world = new World(new Random(random.between(0, 2 ** 31)), keepsTrace)
  const cluster = new SimCluster(world, scenario.deleteRetentionMs)
  cluster.create(EVENTS.name, { partitions: scenario.partitions, cleanup: 'delete' })
  cluster.create(RESULTS.name, { partitions: scenario.partitions, cleanup: 'delete' })
  cluster.create(DEAD, { partitions: 1, cleanup: 'delete' })
  for (const { name, cleanup } of scenario.tables) cluster.create(name, { partitions: scenario.partitions, cleanup })
  const around: Surroundings = {
    world,
    scenario,
    cluster,
    network: new Network(world),
    group: new SimGroup(world, scenario.partitions),
    trouble: { failures: 0, stalls: 0 },
  }
  const instances = Array.from({ length: scenario.processes }, (_, i) => new Instance(`p${i}`, around))
  const nemesis = new Nemesis({ ...around, instances }, new Random(random.between(0, 2 ** 31)), without)
  const workload = new Workload(cluster, scenario, new Random(random.between(0, 2 ** 31)))
  for (const instance of instances)
    world.after(world.random.between(0, 2_000), `${instance.name} starts`, () => instance.start())
  workload.start(horizon, random.between(20, 150))
  nemesis.start(horizon, horizon / random.between(4, 12))

  await world.run(() => world.now > horizon, MOST_STEPS)
  nemesis.heal()
  workload.finish()
  const isDrained = await drain(world, around, instances)
  const failure = instances.find((instance) => instance.failure !== undefined)?.failure
  const violations: Violation[] = [
    ...(failure === undefined ? [] : [{ law: 'the application goes on', text: failure.message }]),
    ...(isDrained ? check({ cluster, scenario, hadClockStep: (nemesis.counts['clock step'] ?? 0) > 0 }) : []),
    ...(isDrained || failure !== undefined
      ? []
      : [
          {
            law: 'I13 drains after healing',
            text: `${undrained(around)}; ${instances.map(({ name, isUp, app }) => `${name} is ${isUp ? (app?.health().state ?? 'starting') : 'down'}`).join(', ')}`,
          },
        ]),
    ...(isDrained ? await ghosts(world, around, instances) : []),
  ]
  return {
    seed,
    steps: world.steps,
    faults: nemesis.counts,
    faultCount: nemesis.total,
    events: workload.events,
    hash: world.hash,
    violations,
    scenario,
    trace: world.trace,
    cluster,
  }
}

async function drain(world: World, around: Surroundings, instances: readonly Instance[]): Promise<boolean> {
  const until = world.now + DRAIN_MS
  for (let slice = world.now + SLICE_MS; slice < until; slice += SLICE_MS) {
    await world.run(() => world.now > slice, MOST_STEPS)
    if (instances.some(({ failure }) => failure !== undefined)) return false
    // a dead member keeps its tasks until its session is over
    const owned = () => instances.reduce((sum, { app }) => sum + (app?.metrics().gauges.tasks ?? 0), 0)
    const isRunning = () =>
      owned() === around.scenario.partitions && instances.every(({ app }) => app?.health().state === 'running')
    if (!isDrained(around) || !isRunning()) continue
    const stores = world.now + STORES_MS
    await world.run(() => world.now > stores, MOST_STEPS)
    if (isDrained(around) && isRunning()) return true
  }
  return false
}

function isDrained({ cluster, scenario }: Surroundings): boolean {
  if (cluster.info(`${APPLICATION}-changelog`) === undefined || cluster.hasOpenTransactions) return false
  const topics = [EVENTS.name, ...scenario.tables.map(({ name }) => name)]
  return Array.from({ length: scenario.partitions }, (_, partition) => {
    const last = positions(cluster, partition).at(-1)
    return topics.every((topic) => {
      const isRead = (last?.inputs[topic]?.next ?? 0) >= endOf(cluster, topic, partition)
      return isRead && (last?.totals.waiting ?? 0) === 0
    })
  }).every(Boolean)
}

function undrained({ cluster, scenario }: Surroundings): string {
  return Array.from({ length: scenario.partitions }, (_, partition) => {
    const last = positions(cluster, partition).at(-1)
    return `[${partition}] is at ${last?.next ?? 'nothing'} of ${eventsOf(cluster, partition).length}, ${last?.totals.waiting ?? 0} wait`
  }).join('; ')
}

/** Rows that an application still has though they were deleted, or has not though they are there. */
async function ghosts(
  world: World,
  { cluster, scenario }: Surroundings,
  instances: readonly Instance[],
): Promise<Violation[]> {
  const violations: Violation[] = []
  for (const { name } of scenario.tables) {
    const expected = new Map<string, string>()
    for (let partition = 0; partition < scenario.partitions; partition++) {
      for (const { record } of cluster
        .partition(name, partition)
        .entries.filter((e) => e.record && !e.isAborted && e.visibleAt !== undefined) as {
        record: { key: Uint8Array; value: Uint8Array | null }
      }[]) {
        const key = Buffer.from(record.key).toString()
        if (record.value === null) expected.delete(key)
        else expected.set(key, JSON.stringify(JSON.parse(Buffer.from(record.value).toString())))
      }
    }
    const found = new Map<string, string>()
    for (const instance of instances) {
      const view = instance.viewOf(name)
      if (view === undefined) continue
      let isDone = false
      const read = async () => {
        for await (const [key, row] of view.entries()) found.set(key, JSON.stringify(row))
        isDone = true
      }
      const reading = read()
      await world.run(() => isDone, MOST_STEPS)
      await reading
    }
    for (const [key, row] of expected)
      if (found.get(key) !== row)
        violations.push({
          law: 'tables are what their topics say',
          text: `${name} has ${found.get(key)} for ${key}, not ${row}`,
        })
    for (const key of found.keys())
      if (!expected.has(key))
        violations.push({ law: 'tables are what their topics say', text: `${name} has a ghost of ${key}` })
  }
  return violations
}
