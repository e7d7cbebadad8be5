import { isJoineryError } from '@joinery/core'
import { lastPosition } from './checker/log-history.js'
import type { Violation } from './checker/violation.js'
import type { Instance, SimContext } from './machines/instance.js'
import type { SimPipeline } from './scenario/scenario.js'
import { stopInstances } from './stop-instances.js'

const LAW = 'a record halts the application once everything before it is committed'
const MAX_STEPS = 400_000
const HALT_MS = 60_000
const MARKERS_MS = 1_000
/** Events before the bad one: fewer than are processed at once. */
const BEFORE = 20

/**
 * The application is started again with `onError: 'halt'`, and meets a record that it cannot decode. At each start it must stop with
 * the error of that record, and everything before it must be committed.
 */
export async function checkHalt(context: SimContext, instances: readonly Instance[]): Promise<Violation | undefined> {
  const { eventLoop, cluster, scenario } = context
  await stopInstances(eventLoop, instances)
  context.halts = true
  const [{ stream }] = scenario.pipelines as readonly [SimPipeline]
  const event = { topic: stream, partition: 0, key: Buffer.from('k'), headers: [], timestamp: Date.UTC(2026, 0) }
  // events without a value are dropped
  cluster.append(Array.from({ length: BEFORE }, () => ({ ...event, value: null })))
  const bad = cluster.partition(stream, 0).highWatermark
  cluster.append([{ ...event, value: Buffer.from('{') }])
  eventLoop.note(`offset ${bad} of ${stream}[0] halts the application`)
  const [first] = instances as readonly [Instance]
  for (const start of ['first', 'second']) {
    first.kill()
    first.failure = undefined
    first.start()
    const until = eventLoop.now + HALT_MS
    await eventLoop.run(() => first.failure !== undefined || eventLoop.now > until, MAX_STEPS)
    const error = first.failure as Error | undefined
    const isHalt = isJoineryError(error, 'DECODE_FAILED') && error.topic === stream && error.offset === bad
    if (!isHalt) return { law: LAW, text: `at the ${start} start it stopped with ${error?.message}`, partition: 0 }
    const nextOf = () => lastPosition(cluster, 0)?.inputs[stream]?.next
    // the markers of the last commit follow the response to EndTxn
    const stoppedAt = eventLoop.now
    await eventLoop.run(() => nextOf() === bad || eventLoop.now > stoppedAt + MARKERS_MS, MAX_STEPS)
    const next = nextOf()
    if (next !== bad)
      return { law: LAW, text: `at the ${start} start it committed up to ${next}, and halted at ${bad}`, partition: 0 }
  }
  return undefined
}
