import { reportsTopic } from '@joinery/core/log'
import type { SimCluster } from './brokers/sim-cluster.js'
import { openCallsAtEnd } from './checker/calls/call-history.js'
import { endOf, lastPosition } from './checker/log-history.js'
import type { Violation } from './checker/violation.js'
import type { Instance, SimContext } from './machines/instance.js'
import { REQUESTS } from './scenario/call-values.js'
import { APPLICATION, type Scenario } from './scenario/scenario.js'

const SLICE_MS = 500
const MAX_STEPS = 400_000
const MAX_REPORTED = 5
/** Two session timeouts of 10 s, one minute, the longest wait, and the time to rebuild a stale store. */
const DEADLINE_MS = 120_000
/** Time for the stores to apply the last commit. */
const STORE_LAG_MS = 2_000

/** I13: without faults, everything is processed within a deadline, nothing waits, and every instance is running. */
export async function drain(context: SimContext, instances: readonly Instance[]): Promise<Violation | undefined> {
  const { eventLoop, scenario } = context
  const until = eventLoop.now + DEADLINE_MS
  const isRunning = () => {
    // a dead member keeps its tasks until its session expires
    const owned = instances.reduce((sum, { app }) => sum + (app?.metrics().gauges.tasks ?? 0), 0)
    return owned === scenario.partitions && instances.every(({ app }) => app?.health().state === 'running')
  }
  for (let slice = eventLoop.now + SLICE_MS; slice < until; slice += SLICE_MS) {
    await eventLoop.run(() => eventLoop.now > slice, MAX_STEPS)
    const failed = instances.find(({ failure }) => failure !== undefined)
    if (failed !== undefined)
      return { law: 'the application keeps running', text: `${failed.name} stopped: ${failed.failure?.message}` }
    if (!isRunning() || undrained(context).length > 0) continue
    const stores = eventLoop.now + STORE_LAG_MS
    await eventLoop.run(() => eventLoop.now > stores, MAX_STEPS)
    if (isRunning() && undrained(context).length === 0) return undefined
  }
  const states = instances.map(({ name, isUp, app }) => {
    const { state, problems } = app?.health() ?? { state: isUp ? 'starting' : 'down', problems: [] }
    return `${name} is ${state}${problems.length > 0 ? ` (${problems.join(', ')})` : ''}`
  })
  return {
    law: 'I13 drains after healing',
    text: [...undrained(context).slice(0, MAX_REPORTED), ...states].join('; '),
    ...firstOpen(context),
  }
}

/** @returns everything that is unprocessed or waiting */
function undrained({ cluster, scenario }: SimContext): string[] {
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
    // calls in doubt are not counted: they stay until an operator resolves them
    const joining = scenario.pipelines.map(({ stream }) => position?.totals[stream]?.waiting ?? 0)
    const waiting = joining.reduce((sum, count) => sum + count, 0)
    return waiting > 0 ? [...behind, `${waiting} events are waiting in task ${partition}`] : behind
  }).flat()
  return behind.length > 0 || scenario.calls === undefined ? behind : openCalls(cluster, scenario)
}

function openCalls(cluster: SimCluster, { partitions }: Scenario): string[] {
  return Array.from({ length: partitions }, (_, partition) =>
    openCallsAtEnd(cluster, partition).map(({ id, call }) => `call ${id} of task ${partition} is ${call.state}`),
  ).flat()
}

function firstOpen({ cluster, scenario }: SimContext): Pick<Violation, 'call' | 'partition'> {
  for (let partition = 0; partition < scenario.partitions; partition++) {
    const [first] = scenario.calls === undefined ? [] : openCallsAtEnd(cluster, partition)
    if (first !== undefined) return { call: first.id, partition }
  }
  return {}
}
