import { changelogEntry } from '../changelog-records.js'
import { brokerTime } from './brokers/broker-time.js'
import { committed } from './checker/log-history.js'
import type { Violation } from './checker/violation.js'
import type { Instance, SimContext } from './machines/instance.js'
import type { Random } from './random.js'
import { APPLICATION } from './scenario/scenario.js'
import { beforeTransactions } from './truncated-input.js'

const LAW = 'an owner notices that its changelog has lost commits'
/** Higher than the numbers of all other events. */
const NUMBER = 3_000_000
const MAX_STEPS = 400_000
const DETECTION_MS = 60_000

/**
 * Simulates an unclean leader election: a changelog loses the last commits of an owner that runs. Its next commit lies at offsets
 * that it has used before, and must not count: the first record that becomes visible is the OWNER of another session.
 */
export async function checkLostCommits(
  context: SimContext,
  instances: readonly Instance[],
  random: Random,
): Promise<Violation | undefined> {
  const { eventLoop, cluster, scenario } = context
  const partition = random.between(0, scenario.partitions - 1)
  const changelog = cluster.partition(`${APPLICATION}-changelog`, partition)
  const owner = committed(cluster, changelog.topic, partition).findLast(isOwner)
  const end = changelog.highWatermark
  // behind the marker of OWNER
  const first = (owner?.offset ?? end) + 2
  if (first >= end) return undefined
  const offset = beforeTransactions(changelog, random.between(first, end - 1))
  if (offset < first) return undefined
  const topic = random.pick(scenario.pipelines).stream
  const value = Buffer.from(JSON.stringify({ number: NUMBER, pad: '' }))
  const record = { topic, partition, key: null, value, timestamp: brokerTime(eventLoop), headers: [] }
  eventLoop.note(`${changelog.topic}[${partition}] is truncated at ${offset} of ${end}`)
  cluster.view = cluster.view.reelected()
  changelog.truncate(offset)
  cluster.append([record])
  const next = () => committed(cluster, changelog.topic, partition).find((entry) => entry.offset >= offset)
  const isNoticed = () => next() !== undefined || instances.some(({ failure }) => failure !== undefined)
  const until = eventLoop.now + DETECTION_MS
  await eventLoop.run(() => isNoticed() || eventLoop.now > until, MAX_STEPS)
  const found = next()
  const text = `${changelog.topic}[${partition}] was truncated at ${offset} of ${end}, and`
  if (!isNoticed()) return { law: LAW, text: `${text} nothing followed`, partition }
  if (found === undefined || isOwner(found)) return undefined
  return { law: LAW, text: `${text} the session continued at ${found.offset}`, partition }
}

const isOwner = ({ record: { key, value } }: ReturnType<typeof committed>[number]): boolean =>
  key !== null && changelogEntry(key, value).type === 'owner'
