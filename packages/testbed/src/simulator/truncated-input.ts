import { isJoineryError } from '@joinery/core'
import type { NewRecord } from '@joinery/core/log'
import { freeze, thaw } from './brokers/broker-control.js'
import { brokerTime } from './brokers/broker-time.js'
import type { SimPartition } from './brokers/sim-partition.js'
import { lastPosition } from './checker/log-history.js'
import { checkTableViews } from './checker/table-views.js'
import type { Violation } from './checker/violation.js'
import { drain } from './drain.js'
import type { Instance, SimContext } from './machines/instance.js'
import type { Random } from './random.js'
import { stopInstances } from './stop-instances.js'

const LAW = 'an input that has lost records is noticed'
const FALSE_ALARM_LAW = 'a former leader is not believed'
const MAX_STEPS = 400_000
const DETECTION_MS = 60_000
/** So long that others take over from a frozen broker. */
const FENCED_MS = 20_000

/** A partition of an input, and how far it was read. */
interface Target {
  readonly topic: string
  readonly partition: number
  /** Whether it is a table that is rebuilt from its topic. */
  readonly isRebuilt: boolean
  readonly next: number
}

/**
 * Simulates an unclean leader election: an input loses acknowledged records, and often grows again, while the application runs or
 * while it is stopped. A table is rebuilt from what is left, and everything is processed. Otherwise the application stops. Sometimes
 * nothing is lost, and a former leader has not got all of it.
 */
export async function checkTruncatedInput(
  context: SimContext,
  instances: readonly Instance[],
  random: Random,
): Promise<Violation | undefined> {
  const target = chooseTarget(context, random)
  if (target === undefined) return undefined
  if (random.chance(0.3)) return checkFormerLeader(context, instances, target, random)
  return checkTruncation(context, instances, target, random)
}

async function checkTruncation(
  context: SimContext,
  instances: readonly Instance[],
  target: Target,
  random: Random,
): Promise<Violation | undefined> {
  const { eventLoop, cluster } = context
  const { topic, partition, next, isRebuilt } = target
  const isRunning = random.chance(0.4)
  if (!isRunning) await stopInstances(eventLoop, instances)
  const offset = beforeTransactions(cluster.partition(topic, partition), random.between(0, next - 1))
  const grows = random.pick([0, random.between(1, 5), next - offset, next - offset + random.between(0, 5)])
  eventLoop.note(`${topic}[${partition}] is truncated at ${offset} of ${next}, and grows by ${grows}`)
  const before = rebuilt(instances)
  const records = recordsFor(context, target, grows, random)
  cluster.view = cluster.view.reelected()
  cluster.partition(topic, partition).truncate(offset)
  if (random.chance(0.5)) await sleep(context, random.between(1, 3_000))
  cluster.append(records)
  if (!isRunning) start(instances)
  const problem = (text: string): Violation => ({
    law: LAW,
    text: `${topic}[${partition}] was truncated at ${offset} of ${next}, and ${text}`,
    partition,
  })
  const isNoticed = () => (isRebuilt ? rebuilt(instances) > before : instances.some(({ failure }) => failure))
  const until = eventLoop.now + DETECTION_MS
  await eventLoop.run(() => isNoticed() || eventLoop.now > until, MAX_STEPS)
  if (!isNoticed()) return problem('the application continued')
  if (isRebuilt) return (await drain(context, instances)) ?? (await checkTableViews(context, instances))[0]
  const failure = instances.find((each) => each.failure !== undefined)?.failure
  return isJoineryError(failure, 'OFFSET_OUT_OF_RANGE') ? undefined : problem(`the error was ${failure?.message}`)
}

/** @returns an offset that no transaction spans: without its marker, one that is over would be open forever */
export function beforeTransactions(partition: SimPartition, offset: number): number {
  const { entries } = partition
  const cut = new Set(entries.slice(offset).flatMap(({ transaction = [] }) => transaction))
  const first = entries.findIndex(({ transaction }) => transaction !== undefined && cut.has(transaction))
  return first >= 0 && first < offset ? beforeTransactions(partition, first) : offset
}

/** A broker that has been frozen does not know yet that others have taken over, nor what they have. */
async function checkFormerLeader(
  context: SimContext,
  instances: readonly Instance[],
  target: Target,
  random: Random,
): Promise<Violation | undefined> {
  const { eventLoop, cluster, scenario } = context
  const { topic, partition } = target
  if (cluster.brokers.length < 2) return undefined
  const former = cluster.broker(cluster.leaderOf(topic, partition))
  freeze(cluster, former, scenario.brokerSessionMs)
  await sleep(context, FENCED_MS)
  cluster.append(recordsFor(context, target, random.between(1, 5), random))
  const stuck = await drain(context, instances)
  if (stuck !== undefined) return stuck
  await stopInstances(eventLoop, instances)
  thaw(cluster, former)
  start(instances)
  const failed = await drain(context, instances)
  if (failed !== undefined) return failed
  if (rebuilt(instances) === 0) return undefined
  return { law: FALSE_ALARM_LAW, text: `a table was rebuilt, and ${topic}[${partition}] has lost nothing`, partition }
}

/** @returns an input of which something was read */
function chooseTarget({ cluster, scenario }: SimContext, random: Random): Target | undefined {
  const inputs = [
    ...scenario.tables.map(({ name, cleanup, order }) => ({
      topic: name,
      isRebuilt: cleanup === 'compact' && order === 'table-first',
    })),
    ...scenario.pipelines.map(({ stream }) => ({ topic: stream, isRebuilt: false })),
  ]
  const read = inputs.flatMap((input) =>
    cluster.partitionsOf(input.topic).flatMap(({ partition }) => {
      const next = lastPosition(cluster, partition)?.inputs[input.topic]?.next ?? 0
      return next === 0 ? [] : [{ ...input, partition, next }]
    }),
  )
  const tables = read.filter(({ isRebuilt }) => isRebuilt)
  if (tables.length > 0 && random.chance(0.6)) return random.pick(tables)
  return read.length === 0 ? undefined : random.pick(read)
}

/** @returns records like those of the input, with keys of its partition, whose values are newer than all others */
function recordsFor(
  { cluster }: SimContext,
  { topic, partition }: Target,
  count: number,
  random: Random,
): readonly NewRecord[] {
  const entries = cluster.partition(topic, partition).entries.filter(({ record }) => record?.key != null)
  if (entries.length === 0) return []
  return Array.from({ length: count }, (_, i) => {
    const key = random.pick(entries).record?.key as Uint8Array
    const value = JSON.stringify({ version: 100_000 + i, isReady: true, number: 1_000_000 + 2 * i, pad: '' })
    return { topic, partition, key, value: Buffer.from(value), timestamp: brokerTime(cluster.eventLoop), headers: [] }
  })
}

function start(instances: readonly Instance[]): void {
  for (const instance of instances) {
    instance.mustRun = true
    instance.start()
  }
}

const rebuilt = (instances: readonly Instance[]): number =>
  instances.reduce((sum, { app }) => sum + (app?.metrics().counts.tablesRebuilt ?? 0), 0)

async function sleep({ eventLoop }: SimContext, ms: number): Promise<void> {
  const until = eventLoop.now + ms
  await eventLoop.run(() => eventLoop.now > until, MAX_STEPS)
}
