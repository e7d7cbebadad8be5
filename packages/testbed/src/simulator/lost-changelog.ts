import { isJoineryError } from '@joinery/core'
import { reportsTopic } from '@joinery/core/log'
import type { SimPartition } from './brokers/sim-partition.js'
import { textOf } from './checker/log-history.js'
import type { Violation } from './checker/violation.js'
import type { Instance, Surroundings } from './machines/instance.js'
import { APPLICATION } from './scenario/scenario.js'

const LAW = 'what was called is not forgotten in silence'
const MOST_STEPS = 400_000
/** Until a transaction that nobody ends is over. */
const QUIET_MS = 32_000
const NOTICES_MS = 60_000

/**
 * An unclean leader election: a changelog loses what it had acknowledged, an owner's beginning with it. Whoever opens the
 * task then has to refuse, before anything is called that may have been called before.
 */
export async function changelogIsLost(
  around: Surroundings,
  instances: readonly Instance[],
): Promise<Violation | undefined> {
  const { world, cluster, service } = around
  do {
    for (const instance of instances) {
      instance.mustRun = false
      instance.kill()
    }
    const quiet = world.now + QUIET_MS
    await world.run(() => world.now > quiet, MOST_STEPS)
    // faults that end late start what they have killed
  } while (instances.some(({ isUp }) => isUp))
  const { partition, owner } = lastWord(cluster.partitionsOf(reportsTopic(APPLICATION)))
  if (owner === undefined || service === undefined) return undefined
  world.note(`the changelog of task ${partition} is cut off at ${owner}`)
  const changelog = cluster.partition(`${APPLICATION}-changelog`, partition)
  changelog.cut(owner)
  const since = world.now
  const [first] = instances as readonly [Instance]
  // each start writes its own beginning: in the end the changelog is as long as it was
  let isLong = false
  do {
    isLong = changelog.end > owner
    const startedAt = world.now
    first.kill()
    first.failure = undefined
    first.start()
    await world.run(() => first.failure !== undefined || world.now > startedAt + NOTICES_MS, MOST_STEPS)
    if (!isJoineryError(first.failure, 'CHANGELOG_INVALID')) break
  } while (!isLong)
  const again = service.ledger.all.find(
    ({ id, begunAt }) =>
      begunAt > since && service.ledger.of(id).some(({ sentAt }) => sentAt !== undefined && sentAt < since),
  )
  if (again !== undefined)
    return { law: LAW, text: 'was called again after its changelog was cut off', call: again.id, partition }
  if (isJoineryError(first.failure, 'CHANGELOG_INVALID')) return undefined
  return { law: LAW, text: `the changelog was cut off at ${owner}, and the application went on`, partition }
}

/** The owner who has left word last, in the reports of any task. */
function lastWord(reports: readonly SimPartition[]): {
  readonly partition: number
  readonly owner: number | undefined
} {
  for (const { partition, entries } of reports) {
    const words = entries.map(({ record }) => JSON.parse(textOf(record?.value)) as { type: string; offset: number })
    const word = words.findLast(({ type }) => type === 'ledger')
    if (word !== undefined) return { partition, owner: word.offset }
  }
  return { partition: 0, owner: undefined }
}
