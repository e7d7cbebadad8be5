import type { Clock } from '@joinery/core'
import { CODE } from '../protocol/error-codes.js'
import type { TopicMetadata } from './topic-metadata.js'

interface KnownTopic {
  readonly metadata: TopicMetadata
  /** Whether the last lookup has found the topic. */
  readonly isCurrent: boolean
}

/** The metadata of topics, as last known, and when brokers lost their partitions. */
export class KnownTopics {
  readonly #clock: Clock
  readonly #topics = new Map<string, KnownTopic>()
  /** When a broker last lost the leadership of a partition, in monotonic milliseconds. */
  readonly #lostAt = new Map<number, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The topics that the last lookup has found. */
  get names(): readonly string[] {
    return [...this.#topics.keys()].filter((topic) => this.get(topic) !== undefined)
  }

  /** @returns the metadata of a topic; `undefined` if it has to be looked up */
  get(topic: string): TopicMetadata | undefined {
    const known = this.#topics.get(topic)
    return known?.isCurrent ? known.metadata : undefined
  }

  /** @returns the leader of a partition; `undefined` if it has to be looked up */
  leaderOf(topic: string, partition: number): number | undefined {
    const leader = this.get(topic)?.leaders[partition] ?? -1
    return leader >= 0 ? leader : undefined
  }

  /** @returns what is known now: what was found, with the latest leader of each partition */
  update(found: TopicMetadata): TopicMetadata {
    const { topic } = found
    const before = this.#topics.get(topic)?.metadata
    if (found.code !== CODE.NONE) {
      this.#noteLost(found)
      if (before !== undefined) this.#topics.set(topic, { metadata: before, isCurrent: false })
      return found
    }
    const metadata = before === undefined ? found : latestOf(before, found)
    this.#noteLost(metadata)
    this.#topics.set(topic, { metadata, isCurrent: true })
    return metadata
  }

  /** Whether a broker has lost the leadership of a partition since then. */
  hasLost(node: number, since: number): boolean {
    return (this.#lostAt.get(node) ?? Number.NEGATIVE_INFINITY) >= since
  }

  #noteLost({ topic, leaders }: TopicMetadata): void {
    const before = this.get(topic)?.leaders ?? []
    for (const [partition, leader] of before.entries())
      if (leader !== leaders[partition]) this.#lostAt.set(leader, this.#clock.monotonic())
  }
}

/**
 * A broker that is cut off from its cluster responds with leaders from before an election. A partition's epoch shows that, as
 * long as the topic is the same one: it increases with each election, and partitions are added but never removed.
 *
 * @returns what was found itself, unless a part of it is older than what is known
 */
function latestOf(known: TopicMetadata, found: TopicMetadata): TopicMetadata {
  if (known.id !== found.id) return found // the topic was deleted and created again
  const isOlder = (partition: number, epoch: number): boolean => {
    const foundEpoch = found.leaderEpochs[partition]
    return foundEpoch === undefined || (foundEpoch >= 0 && foundEpoch < epoch)
  }
  const older = new Set<number>()
  for (const [partition, epoch] of known.leaderEpochs.entries()) if (isOlder(partition, epoch)) older.add(partition)
  if (older.size === 0) return found
  const latest = (knownOnes: readonly number[], foundOnes: readonly number[]): readonly number[] =>
    Array.from({ length: Math.max(knownOnes.length, foundOnes.length) }, (_, at) =>
      older.has(at) ? (knownOnes[at] as number) : (foundOnes[at] as number),
    )
  const leaders = latest(known.leaders, found.leaders)
  return { ...found, leaders, leaderEpochs: latest(known.leaderEpochs, found.leaderEpochs) }
}
