import type { NewRecord, Origin } from '@joinery/core/log'
import { brokerTime } from './brokers/broker-time.js'
import { textOf } from './checker/log-history.js'
import type { Violation } from './checker/violation.js'
import { drainAll } from './drain.js'
import type { Instance, SimContext } from './machines/instance.js'
import type { Random } from './random.js'
import type { BlockingRecord, FunctionStep } from './scenario/blocking.js'
import { hasNoId, isFilteredRequest, REQUESTS } from './scenario/call-values.js'
import type { SimPipeline } from './scenario/scenario.js'
import { isFiltered, isRefused, throws } from './scenario/values.js'

const LAW = 'a function that blocks is found'
/** The session timeout of the simulated groups. */
const SESSION_MS = 10_000
/** How far the clock of a process may be ahead at most, because each read of it takes time. */
const CLOCK_READS_MS = 100
/** Each process may be blocked twice for one record, and the group needs a session timeout and a rebalance after each. */
const DEADLINE_MS = 300_000
const MOST_RUNS = 2
/** Higher than the numbers of all other records. */
const NUMBERS = 1_000_000
const JOIN_STEPS: readonly FunctionStep[] = ['decode', 'filter', 'map', 'join', 'ready', 'encode']

/**
 * A function blocks its process for one record, each time that it runs, for so long that the group assigns the tasks to another
 * process. This must end, everything else must have its one outcome, and the report must name that record.
 *
 * @param checkLog checks everything that was ever written
 */
export async function checkBlocking(
  context: SimContext,
  instances: readonly Instance[],
  random: Random,
  checkLog: (blocking?: Origin) => readonly Violation[],
): Promise<Violation | undefined> {
  const { eventLoop } = context
  const blocking = appendRecords(context, random)
  context.blocking = blocking
  const { topic, partition, offset, step, ms } = blocking
  eventLoop.note(`${step} blocks for ${ms} ms at ${topic}[${partition}]@${offset}`)
  return (await drainAll(context, instances, DEADLINE_MS)) ?? checkLog(blocking)[0] ?? wronglyReported(blocking)
}

function wronglyReported({
  topic,
  partition,
  offset,
  runs,
  reports,
  step,
  functions,
}: BlockingRecord): Violation | undefined {
  const at = { partition, event: { stream: topic, offset } }
  const most = Math.max(0, ...runs.values())
  if (most > MOST_RUNS * functions) return { law: LAW, text: `${step} ran ${most} times in one process`, ...at }
  const long = reports.filter(({ blockedMs }) => blockedMs >= SESSION_MS)
  const isIt = (of: (typeof reports)[number]) =>
    of.topic === topic && of.partition === partition && of.offset <= offset && offset <= of.lastOffset
  const other = long.find((of) => !isIt(of))
  if (other !== undefined) return { law: LAW, text: `reported was: ${other.reason}`, ...at }
  return runs.size > 0 && long.length === 0
    ? { law: LAW, text: `${step} ran, and nothing was reported`, ...at }
    : undefined
}

/** Appends records for any keys, and makes one of them block. */
function appendRecords({ cluster, scenario }: SimContext, random: Random): BlockingRecord {
  const { pipelines, calls, keys } = scenario
  const pipeline = calls === undefined ? random.pick(pipelines) : undefined
  const topic = pipeline?.stream ?? REQUESTS
  const callSteps: readonly FunctionStep[] = [
    'decode',
    'filter',
    'call',
    ...(calls?.ids === 'value' ? ['id' as const] : []),
  ]
  const step = random.pick(pipeline === undefined ? callSteps : JOIN_STEPS)
  const first = NUMBERS + random.between(0, 1_000)
  const most = random.between(1, 30)
  let number = first + random.between(0, most - 1)
  while (!isOrdinary(number, pipeline)) number++
  const count = Math.max(most, number - first + 1)
  const records = Array.from({ length: count }, (_, i): NewRecord => {
    const id = `b${first + i}`
    const value = JSON.stringify({ number: first + i, ...(pipeline === undefined ? { id } : { pad: '' }) })
    const timestamp = brokerTime(cluster.eventLoop)
    return { topic, key: Buffer.from(random.pick(keys)), value: Buffer.from(value), timestamp, headers: [] }
  })
  cluster.append(records)
  const text = textOf(records[number - first]?.value)
  const at = cluster.partitionsOf(topic).flatMap(({ partition, entries }) => {
    const found = entries.find(({ record }) => textOf(record?.value) === text)
    return found === undefined ? [] : [{ topic, partition, offset: found.offset }]
  })
  const functions = step === 'join' || step === 'ready' ? (pipeline?.joins.length ?? 1) : 1
  const ms = random.between(SESSION_MS + CLOCK_READS_MS, 16_000)
  return { ...(at[0] as Origin), number, step, functions, ms, runs: new Map(), reports: [] }
}

/** Whether all functions run for a record, and accept it. */
function isOrdinary(number: number, pipeline: SimPipeline | undefined): boolean {
  if (pipeline === undefined) return !hasNoId({ number, id: '' }) && !isFilteredRequest({ number, id: '' })
  const event = { number, pad: '' }
  return !throws(event) && !isRefused(event) && !isFiltered(pipeline, event)
}
