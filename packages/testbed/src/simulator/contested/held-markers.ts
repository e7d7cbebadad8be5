import type { Violation } from '../checker/violation.js'
import { COMMIT_MS, type Contest, isOwner, TAKEOVER_MS } from './contest.js'

/** kafkaLog sends a batch again for this long after its time limit for requests. */
const SECOND_ATTEMPT_MS = 2_000

/**
 * The markers of a changelog are held up: its leader can be reached by clients, but not by coordinators. A commit is decided, and
 * its marker is not written. The next owner's OWNER lies where the marker was expected, and is not decided. The former owner does
 * not know that it was expelled: its next batch, under a fresh id, lies at exactly the offset after a marker.
 */
export async function checkHeldMarkers(contest: Contest): Promise<Violation | undefined> {
  const { changelog, random } = contest
  const { cluster, eventLoop, scenario } = contest.context
  const owner = contest.owner()
  if (owner === undefined || contest.instances.length < 2) return undefined
  const { process } = owner
  const from = changelog.highWatermark
  eventLoop.note(`the markers of ${changelog.topic}[${changelog.partition}] are held up`)
  cluster.withoutMarkers.add(changelog)
  contest.append()
  const committed = () =>
    changelog.entries.find(
      ({ offset, transaction }) => offset >= from && cluster.transactions.committedAt.has(transaction ?? -1),
    )
  const isCommitted = await contest.until(() => committed() !== undefined, COMMIT_MS)
  if (isCommitted) {
    contest.mislead(process.name)
    if (random.chance(0.8)) contest.append()
    const successor = () => contest.successor(owner, from)
    await contest.until(() => successor() !== undefined, TAKEOVER_MS)
    contest.append()
    const next = () => changelog.entries.find((entry) => entry.offset > (successor()?.offset ?? 0) && !isOwner(entry))
    await contest.until(() => next() !== undefined, 2 * (scenario.requestTimeoutMs + SECOND_ATTEMPT_MS))
    const transaction = next()?.transaction ?? -1
    await contest.until(() => cluster.transactions.committedAt.has(transaction), random.between(500, 3_000))
  }
  cluster.withoutMarkers.clear()
  contest.context.group.stopMisleadingAll()
  return undefined
}
