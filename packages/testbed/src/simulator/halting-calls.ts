import { isJoineryError } from '@joinery/core'
import type { Origin } from '@joinery/core/log'
import { brokerTime } from './brokers/broker-time.js'
import { openCallsAtEnd } from './checker/calls/call-history.js'
import { lastPosition } from './checker/log-history.js'
import type { Violation } from './checker/violation.js'
import { drainAll } from './drain.js'
import type { Instance, SimContext } from './machines/instance.js'
import type { Random } from './random.js'
import { hasNoId, isFilteredRequest, REQUESTS } from './scenario/call-values.js'
import { stopInstances } from './stop-instances.js'

const LAW = 'a record halts the application once everything before it is committed'
const MAX_STEPS = 400_000
const HALT_MS = 60_000
const MARKERS_MS = 1_000
const DEADLINE_MS = 120_000
/** Higher than the numbers of all other records. */
const NUMBERS = 2_000_000

/**
 * The application is started again with `onError: 'halt'`. While it makes calls, it meets a record that it cannot decode. At each start
 * it must stop with the error of that record, everything before it must be committed, and so must the outcomes of the calls that it
 * makes: none of them may be left claimed. Once the record may be dead-lettered, everything must have its one outcome.
 *
 * @param checkLog checks everything that was ever written
 */
export async function checkHaltOfCalls(
  context: SimContext,
  instances: readonly Instance[],
  random: Random,
  checkLog: (blocking?: Origin) => readonly Violation[],
): Promise<Violation | undefined> {
  const { eventLoop, cluster, scenario, service } = context
  await stopInstances(eventLoop, instances)
  context.halts = true
  const [first] = instances as readonly [Instance]
  const partition = random.between(0, scenario.partitions - 1)
  const record = { topic: REQUESTS, partition, headers: [], timestamp: brokerTime(eventLoop) }
  const begun = service?.ledger.all.length ?? 0
  const numbers = Array.from({ length: random.between(1, 20) }, (_, i) => NUMBERS + i).filter(isOrdinary)
  cluster.append(
    numbers.map((number) => {
      const value = Buffer.from(JSON.stringify({ number, id: `h${number}` }))
      return { ...record, key: Buffer.from(`h${number}`), value }
    }),
  )
  let bad: number | undefined
  for (const start of ['first', 'second', 'third']) {
    first.kill()
    first.failure = undefined
    first.start()
    const until = eventLoop.now + HALT_MS
    if (bad === undefined) {
      // calls are in flight
      await eventLoop.run(() => (service?.ledger.all.length ?? 0) > begun || eventLoop.now > until, MAX_STEPS)
      bad = cluster.partition(REQUESTS, partition).highWatermark
      cluster.append([{ ...record, key: Buffer.from('h'), value: Buffer.from('{') }])
      eventLoop.note(`offset ${bad} of ${REQUESTS}[${partition}] halts the application`)
    }
    await eventLoop.run(() => first.failure !== undefined || eventLoop.now > until, MAX_STEPS)
    const error = first.failure as Error | undefined
    const isHalt = isJoineryError(error, 'DECODE_FAILED') && error.topic === REQUESTS && error.offset === bad
    if (!isHalt) return { law: LAW, text: `at the ${start} start it stopped with ${error?.message}`, partition }
    const wrong = () => uncommitted(context, partition, bad as number)
    // the markers of the last commit follow the response to EndTxn
    const stoppedAt = eventLoop.now
    await eventLoop.run(() => wrong() === undefined || eventLoop.now > stoppedAt + MARKERS_MS, MAX_STEPS)
    const text = wrong()
    if (text !== undefined) return { law: LAW, text: `at the ${start} start ${text}`, partition }
  }
  context.halts = false
  await stopInstances(eventLoop, instances)
  for (const instance of instances) {
    instance.failure = undefined
    instance.mustRun = true
    instance.start()
  }
  return (await drainAll(context, instances, DEADLINE_MS)) ?? checkLog()[0]
}

const isOrdinary = (number: number): boolean => !hasNoId({ number, id: '' }) && !isFilteredRequest({ number, id: '' })

/** @returns what was not committed before the record halted the application */
function uncommitted({ cluster, scenario }: SimContext, partition: number, bad: number): string | undefined {
  const next = lastPosition(cluster, partition)?.inputs[REQUESTS]?.next
  if (next !== bad) return `it committed up to ${next}, and halted at ${bad}`
  for (let task = 0; task < scenario.partitions; task++) {
    const claimed = openCallsAtEnd(cluster, task).find(({ call }) => call.state === 'claimed')
    if (claimed !== undefined) return `call ${claimed.id} of task ${task} was left claimed`
  }
  return undefined
}
