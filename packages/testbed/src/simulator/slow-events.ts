import type { NewRecord, Origin } from '@joinery/core/log'
import { brokerTime } from './brokers/broker-time.js'
import type { Violation } from './checker/violation.js'
import { drainAll } from './drain.js'
import type { Instance, SimContext } from './machines/instance.js'
import type { Random } from './random.js'
import type { FunctionStep } from './scenario/blocking.js'
import type { SimPipeline } from './scenario/scenario.js'

/** Higher than the numbers of all other records. */
const NUMBERS = 2_000_000
const MOST = 40
const LONGEST_MS = 900
/** All of the events wait by then, unless their waits are over. */
const ARRIVED_MS = 2_000
const DEADLINE_MS = 120_000
const MAX_STEPS = 400_000
/** Functions that run for every event, also for one that has no row. */
const STEPS: readonly FunctionStep[] = ['decode', 'filter', 'map']

/**
 * Many events wait for one key, and functions take a part of the session timeout for each of them: together they take longer. They are
 * released by a row, or because their waits end. All of them must have their outcome, and nothing may go back and forth.
 */
export async function checkSlowEvents(
  context: SimContext,
  instances: readonly Instance[],
  random: Random,
  checkLog: (blocking?: Origin) => readonly Violation[],
): Promise<Violation | undefined> {
  const { eventLoop, cluster, scenario, blocking } = context
  const pipeline = scenario.pipelines.find(letsManyWait)
  // each output that brokers refuse reopens its task, and so does a table that is not read to its end for long: all of it runs again
  const runsAgain = scenario.refuses !== undefined || scenario.deleteRetentionMs < 2 * MOST * LONGEST_MS
  if (pipeline === undefined || runsAgain) return undefined
  const first = NUMBERS + random.between(0, 1_000)
  const count = random.between(25, MOST)
  const slow = { first, last: first + count - 1, step: random.pick(STEPS), ms: random.between(500, LONGEST_MS) }
  context.slowEvents = slow
  const key = Buffer.from(`slow${random.between(0, 99)}`)
  const recordOf = (topic: string, value: object): NewRecord => ({
    ...{ topic, key, value: Buffer.from(JSON.stringify(value)), headers: [] },
    timestamp: brokerTime(eventLoop),
  })
  eventLoop.note(`${slow.step} takes ${slow.ms} ms for each of ${count} events of ${key} in ${pipeline.stream}`)
  cluster.append(Array.from({ length: count }, (_, i) => recordOf(pipeline.stream, { number: first + i, pad: '' })))
  const arrived = eventLoop.now + ARRIVED_MS
  await eventLoop.run(() => eventLoop.now > arrived, MAX_STEPS)
  if (random.chance(0.7))
    cluster.append(pipeline.joins.map(({ table }) => recordOf(table, { version: 1, isReady: true })))
  return (await drainAll(context, instances, DEADLINE_MS)) ?? checkLog(blocking)[0]
}

const letsManyWait = ({ joins, maxRecords, maxKiB }: SimPipeline): boolean =>
  joins[0]?.atMostMs !== undefined && maxRecords >= MOST && maxKiB >= MOST
