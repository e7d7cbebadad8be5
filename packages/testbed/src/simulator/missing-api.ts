import { isJoineryError } from '@joinery/core'
import { REQUIRED_APIS } from '../../../kafkajs/src/connection/required-apis.js'
import type { SimCluster } from './brokers/sim-cluster.js'
import type { Violation } from './checker/violation.js'
import type { Instance, SimContext } from './machines/instance.js'
import { APPLICATION } from './scenario/scenario.js'
import { stopInstances } from './stop-instances.js'

const LAW = 'brokers without a required API are refused'
const MAX_STEPS = 400_000
const REFUSAL_MS = 60_000

/**
 * Brokers lack an API that every application needs: all of them, or one that leads a partition of the changelog. The
 * application must stop with an error that names the broker and the API. If all lack it, it must not write anything.
 */
export async function checkMissingApi(
  { eventLoop, cluster, scenario }: SimContext,
  instances: readonly Instance[],
): Promise<Violation | undefined> {
  await stopInstances(eventLoop, instances)
  const api = eventLoop.random.pick(REQUIRED_APIS)
  const leader = cluster.broker(cluster.view.leaderOf(`${APPLICATION}-changelog`, 0))
  const lacking = scenario.lacks === 'by all' ? cluster.brokers : [leader]
  for (const broker of lacking) {
    eventLoop.note(`broker ${broker.node} lacks ${api.name}`)
    broker.lose(api.key)
  }
  const before = written(cluster)
  const [first] = instances as readonly [Instance]
  first.failure = undefined
  first.start()
  const until = eventLoop.now + REFUSAL_MS
  await eventLoop.run(() => first.failure !== undefined || eventLoop.now > until, MAX_STEPS)
  const error = first.failure as Error | undefined
  const what = `without ${api.name} of ${lacking.map(({ node }) => node).join(', ')}`
  if (error === undefined) return { law: LAW, text: `the application runs ${what}` }
  const isNamed = error.message.includes(api.name) && lacking.some(({ host }) => error.message.includes(host))
  if (!isJoineryError(error, 'CLIENT_UNSUPPORTED') || error.retriable || !isNamed)
    return { law: LAW, text: `the application stopped ${what}: ${error.message}` }
  if (scenario.lacks === 'by all' && written(cluster) !== before)
    return { law: LAW, text: `the application has written ${what}` }
  return undefined
}

/** @returns the number of records and markers in all topics */
const written = ({ partitions }: SimCluster): number =>
  partitions.reduce((sum, { highWatermark }) => sum + highWatermark, 0)
