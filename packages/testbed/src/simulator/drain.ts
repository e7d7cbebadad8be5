import { endOf, lastPosition } from './checker/log-history.js'
import type { Violation } from './checker/violation.js'
import type { Instance, Surroundings } from './machines/instance.js'

const SLICE_MS = 500
const MOST_STEPS = 400_000
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
  return { law: 'I13 drains after healing', text: [...undrained(around), ...states].join('; ') }
}

/** What is not processed, or waits. */
function undrained({ cluster, scenario }: Surroundings): string[] {
  if (cluster.hasOpenTransactions) return ['a transaction is open']
  const topics = [...scenario.pipelines.map(({ stream }) => stream), ...scenario.tables.map(({ name }) => name)]
  return Array.from({ length: scenario.partitions }, (_, partition) => {
    const position = lastPosition(cluster, partition)
    const behind = topics.flatMap((topic) => {
      const end = endOf(cluster, topic, partition)
      const next = position?.inputs[topic]?.next ?? 0
      return next < end ? [`${topic}[${partition}] is read to ${next} of ${end}`] : []
    })
    const waiting = Object.values(position?.totals ?? {}).reduce((sum, totals) => sum + totals.waiting, 0)
    return waiting > 0 ? [...behind, `${waiting} events wait in task ${partition}`] : behind
  }).flat()
}
