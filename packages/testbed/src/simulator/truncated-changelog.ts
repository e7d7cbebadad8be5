import { isJoineryError } from '@joinery/core'
import { reportsTopic } from '@joinery/core/log'
import type { SimCluster } from './brokers/sim-cluster.js'
import { committed, textOf } from './checker/log-history.js'
import type { Violation } from './checker/violation.js'
import type { Instance, SimContext } from './machines/instance.js'
import { APPLICATION } from './scenario/scenario.js'
import { stopInstances } from './stop-instances.js'

const LAW = 'a truncated changelog is detected'
const MAX_STEPS = 400_000
const DETECTION_MS = 60_000

/**
 * Simulates an unclean leader election: a changelog loses acknowledged records, an OWNER among them. The next owner must refuse to
 * start before it repeats a call.
 */
export async function checkTruncatedChangelog(
  context: SimContext,
  instances: readonly Instance[],
): Promise<Violation | undefined> {
  const { eventLoop, cluster, service } = context
  await stopInstances(eventLoop, instances)
  const { partition, owner } = lastCheckpoint(cluster)
  if (owner === undefined || service === undefined) return undefined
  eventLoop.note(`the changelog of task ${partition} is truncated at ${owner}`)
  const changelog = cluster.partition(`${APPLICATION}-changelog`, partition)
  changelog.truncate(owner)
  const since = eventLoop.now
  const [first] = instances as readonly [Instance]
  // every start appends another OWNER, until the changelog is as long as it was before
  let isLongEnough = false
  do {
    isLongEnough = changelog.highWatermark > owner
    const startedAt = eventLoop.now
    first.kill()
    first.failure = undefined
    first.start()
    await eventLoop.run(() => first.failure !== undefined || eventLoop.now > startedAt + DETECTION_MS, MAX_STEPS)
    if (!isJoineryError(first.failure, 'CHANGELOG_INVALID')) break
  } while (!isLongEnough)
  const repeated = service.ledger.all.find(
    ({ id, begunAt }) =>
      begunAt > since && service.ledger.of(id).some(({ sentAt }) => sentAt !== undefined && sentAt < since),
  )
  if (repeated !== undefined)
    return { law: LAW, text: 'was called again after its changelog was truncated', call: repeated.id, partition }
  if (isJoineryError(first.failure, 'CHANGELOG_INVALID')) return undefined
  return { law: LAW, text: `the changelog was truncated at ${owner}, and the application continued`, partition }
}

/** @returns the last checkpoint of an owner in the reports topic, of the first task that has one */
function lastCheckpoint(cluster: SimCluster): {
  readonly partition: number
  readonly owner: number | undefined
} {
  const reports = reportsTopic(APPLICATION)
  for (const { partition } of cluster.partitionsOf(reports)) {
    const checkpoints = committed(cluster, reports, partition).map(
      ({ record }) => JSON.parse(textOf(record.value)) as { type: string; offset: number },
    )
    const checkpoint = checkpoints.findLast(({ type }) => type === 'owner-checkpoint')
    if (checkpoint !== undefined) return { partition, owner: checkpoint.offset }
  }
  return { partition: 0, owner: undefined }
}
