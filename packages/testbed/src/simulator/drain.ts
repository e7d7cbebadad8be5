import { reportsTopic } from '@joinery/core/log'
import type { SimCluster } from './brokers/sim-cluster.js'
import { openCallsAtEnd } from './checker/calls/call-history.js'
import { endOf, lastPosition } from './checker/log-history.js'
import type { Violation } from './checker/violation.js'
import type { Instance, SimContext } from './machines/instance.js'
import { endHangingTransactions } from './nemesis/hanging-transactions.js'
import { REQUESTS } from './scenario/call-values.js'
import { APPLICATION, type Scenario } from './scenario/scenario.js'

const SLICE_MS = 500
const MAX_STEPS = 400_000
const MAX_REPORTED = 5
/** Two session timeouts of 10 s, one minute, the longest wait, and the time to rebuild a stale store. */
const DEADLINE_MS = 120_000
/** Time for the stores to apply the last commit: one may have begun to stall for 5 s just before all faults have ended. */
const STORE_LAG_MS = 6_000

/**
 * I13: without faults, everything is processed within a deadline, nothing waits, and every instance is running. In some histories
 * one changelog has no leader at first: the other tasks are done nevertheless.
 */
export async function drain(context: SimContext, instances: readonly Instance[]): Promise<Violation | undefined> {
  const { cluster, scenario } = context
  const stuck = scenario.endsLeaderless ? await drainWithout(context, instances, scenario.partitions - 1) : undefined
  if (stuck !== undefined) return stuck
  cluster.leaderless.clear()
  cluster.brokerChanged()
  return drainAll(context, instances, DEADLINE_MS)
}

/** The changelog of one task has no leader. */
async function drainWithout(
  { eventLoop, cluster, scenario }: SimContext,
  instances: readonly Instance[],
  leaderless: number,
): Promise<Violation | undefined> {
  eventLoop.note(`the changelog of task ${leaderless} has no leader`)
  cluster.leaderless.add(cluster.partition(`${APPLICATION}-changelog`, leaderless))
  const others = Array.from({ length: scenario.partitions }, (_, task) => task).filter((task) => task !== leaderless)
  const isDone = () => others.every((task) => undrainedTask(cluster, scenario, task).length === 0)
  const until = eventLoop.now + DEADLINE_MS
  await eventLoop.run(() => eventLoop.now > until || isDone(), MAX_STEPS)
  if (isDone()) return undefined
  const text = others.flatMap((task) => undrainedTask(cluster, scenario, task)).slice(0, MAX_REPORTED)
  return {
    law: 'I13 one partition without a leader does not stop the other tasks',
    text: [...text, ...statesOf(instances)].join('; '),
  }
}

/** Without faults, everything is processed within `deadlineMs`, nothing waits, and every instance is running. */
export async function drainAll(
  context: SimContext,
  instances: readonly Instance[],
  deadlineMs: number,
): Promise<Violation | undefined> {
  const { eventLoop, cluster, scenario } = context
  const until = eventLoop.now + deadlineMs
  const isRunning = () => {
    // a dead member keeps its tasks until its session expires
    const owned = instances.reduce((sum, { app }) => sum + (app?.metrics().gauges.tasks ?? 0), 0)
    return owned === scenario.partitions && instances.every(isWell)
  }
  for (let slice = eventLoop.now + SLICE_MS; slice < until; slice += SLICE_MS) {
    await eventLoop.run(() => eventLoop.now > slice, MAX_STEPS)
    // an instance may have closed before the partition had a leader again
    endHangingTransactions(cluster, instances)
    const failed = instances.find(({ failure }) => failure !== undefined)
    if (failed !== undefined)
      return { law: 'the application keeps running', text: `${failed.name} stopped: ${failed.failure?.message}` }
    if (!isRunning() || undrained(context).length > 0) continue
    const stores = eventLoop.now + STORE_LAG_MS
    await eventLoop.run(() => eventLoop.now > stores, MAX_STEPS)
    if (isRunning() && undrained(context).length === 0) return undefined
  }
  return {
    law: 'I13 drains after healing',
    text: [...undrained(context).slice(0, MAX_REPORTED), ...statesOf(instances)].join('; '),
    ...firstOpen(context),
  }
}

/** Whether an instance runs, and says that nothing holds it up. */
function isWell({ app, stalled }: Instance): boolean {
  const health = app?.health()
  return health?.state === 'running' && health.ready && health.stalled.length === 0 && stalled.size === 0
}

const statesOf = (instances: readonly Instance[]): string[] =>
  instances.map(({ name, isUp, app, stalled }) => {
    const { state, problems } = app?.health() ?? { state: isUp ? 'starting' : 'down', problems: [] }
    const held = stalled.size === 0 ? '' : `, and tasks ${[...stalled].join(', ')} are stalled`
    return `${name} is ${state}${problems.length > 0 ? ` (${problems.join(', ')})` : ''}${held}`
  })

/** @returns everything that is unprocessed or waiting */
function undrained({ cluster, scenario }: SimContext): string[] {
  if (cluster.hasOpenTransactions) return ['a transaction is open']
  const tasks = Array.from({ length: scenario.partitions }, (_, task) => undrainedTask(cluster, scenario, task))
  const behind = tasks.flat()
  return behind.length > 0 || scenario.calls === undefined ? behind : openCalls(cluster, scenario)
}

/** @returns what a task has not processed, and how many events wait in it */
function undrainedTask(cluster: SimCluster, { pipelines, tables, calls }: Scenario, task: number): string[] {
  const ofCalls = calls === undefined ? [] : [REQUESTS, reportsTopic(APPLICATION)]
  const topics = [...pipelines.map(({ stream }) => stream), ...tables.map(({ name }) => name), ...ofCalls]
  const position = lastPosition(cluster, task)
  const behind = topics.flatMap((topic) => {
    const end = endOf(cluster, topic, task)
    const next = position?.inputs[topic]?.next ?? 0
    return next < end ? [`${topic}[${task}] is read to ${next} of ${end}`] : []
  })
  // calls in doubt are not counted: they stay until an operator resolves them
  const joining = pipelines.map(({ stream }) => position?.totals[stream]?.waiting ?? 0)
  const waiting = joining.reduce((sum, count) => sum + count, 0)
  return waiting > 0 ? [...behind, `${waiting} events are waiting in task ${task}`] : behind
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
