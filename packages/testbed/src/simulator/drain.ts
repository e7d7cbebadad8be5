import { reportsTopic } from '@joinery/core/log'
import type { SimCluster } from './brokers/sim-cluster.js'
import { openAtTheEnd } from './checker/calls/call-history.js'
import { endOf, lastPosition } from './checker/log-history.js'
import type { Violation } from './checker/violation.js'
import type { Instance, Surroundings } from './machines/instance.js'
import { REQUESTS } from './scenario/call-values.js'
import { APPLICATION, type Scenario } from './scenario/scenario.js'

const SLICE_MS = 500
const MOST_STEPS = 400_000
const MOST_TOLD = 5
/** Two session time-outs of 10 s, one minute, the longest wait, and what it takes to rebuild a stale store. */
const DEADLINE_MS = 120_000
/** Until stores have followed the last commit. */
const STORES_MS = 2_000

/** I13: with all faults gone, everything is processed, nothing waits, and everybody runs, within a time. */
export async function drain(around: Surroundings, instances: readonly Instance[]): Promise<Violation | undefined> {
  const { world, scenario } = around
  const until = world.now + DEADLINE_MS
  const isRunning = () => {
    // a dead member keeps its tasks until its session is over
    const owned = instances.reduce((sum, { app }) => sum + (app?.metrics().gauges.tasks ?? 0), 0)
    return owned === scenario.partitions && instances.every(({ app }) => app?.health().state === 'running')
  }
  for (let slice = world.now + SLICE_MS; slice < until; slice += SLICE_MS) {
    await world.run(() => world.now > slice, MOST_STEPS)
    const failed = instances.find(({ failure }) => failure !== undefined)
    if (failed !== undefined)
      return { law: 'the application goes on', text: `${failed.name} stopped: ${failed.failure?.message}` }
    if (!isRunning() || undrained(around).length > 0) continue
    const stores = world.now + STORES_MS
    await world.run(() => world.now > stores, MOST_STEPS)
    if (isRunning() && undrained(around).length === 0) return undefined
  }
  const states = instances.map(({ name, isUp, app }) => {
    const { state, problems } = app?.health() ?? { state: isUp ? 'starting' : 'down', problems: [] }
    return `${name} is ${state}${problems.length > 0 ? ` (${problems.join(', ')})` : ''}`
  })
  return {
    law: 'I13 drains after healing',
    text: [...undrained(around).slice(0, MOST_TOLD), ...states].join('; '),
    ...firstOpen(around),
  }
}

/** What is not processed, or waits. */
function undrained({ cluster, scenario }: Surroundings): string[] {
  if (cluster.hasOpenTransactions) return ['a transaction is open']
  const ofCalls = scenario.calls === undefined ? [] : [REQUESTS, reportsTopic(APPLICATION)]
  const topics = [
    ...scenario.pipelines.map(({ stream }) => stream),
    ...scenario.tables.map(({ name }) => name),
    ...ofCalls,
  ]
  const behind = Array.from({ length: scenario.partitions }, (_, partition) => {
    const position = lastPosition(cluster, partition)
    const behind = topics.flatMap((topic) => {
      const end = endOf(cluster, topic, partition)
      const next = position?.inputs[topic]?.next ?? 0
      return next < end ? [`${topic}[${partition}] is read to ${next} of ${end}`] : []
    })
    // those of calls are in doubt, and stay so until somebody decides
    const joining = scenario.pipelines.map(({ stream }) => position?.totals[stream]?.waiting ?? 0)
    const waiting = joining.reduce((sum, count) => sum + count, 0)
    return waiting > 0 ? [...behind, `${waiting} events wait in task ${partition}`] : behind
  }).flat()
  return behind.length > 0 || scenario.calls === undefined ? behind : openCalls(cluster, scenario)
}

function openCalls(cluster: SimCluster, { partitions }: Scenario): string[] {
  return Array.from({ length: partitions }, (_, partition) =>
    openAtTheEnd(cluster, partition).map(({ id, call }) => `call ${id} of task ${partition} is ${call.state}`),
  ).flat()
}

function firstOpen({ cluster, scenario }: Surroundings): Pick<Violation, 'call' | 'partition'> {
  for (let partition = 0; partition < scenario.partitions; partition++) {
    const [first] = scenario.calls === undefined ? [] : openAtTheEnd(cluster, partition)
    if (first !== undefined) return { call: first.id, partition }
  }
  return {}
}
