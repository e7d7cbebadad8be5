import type { Clock } from '@joinery/core'
import { CODE } from '../protocol/error-codes.js'
import type { TopicMetadata } from './topic-metadata.js'

/** The metadata of topics, as last known, and when brokers lost their partitions. */
export class KnownTopics {
  readonly #clock: Clock
  readonly #topics = new Map<string, TopicMetadata>()
  /** When a broker last lost the leadership of a partition, in monotonic milliseconds. */
  readonly #lostAt = new Map<number, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The topics that the last lookup has found. */
  get names(): readonly string[] {
    return [...this.#topics.keys()]
  }

  /** @returns the metadata of a topic; `undefined` if it has to be looked up */
  get(topic: string): TopicMetadata | undefined {
    return this.#topics.get(topic)
  }

  /** @returns the leader of a partition; `undefined` if it has to be looked up */
  leaderOf(topic: string, partition: number): number | undefined {
    const leader = this.get(topic)?.leaders[partition] ?? -1
    return leader >= 0 ? leader : undefined
  }

  update(found: TopicMetadata): void {
    this.#noteLost(found)
    if (found.code === CODE.NONE) this.#topics.set(found.topic, found)
    else this.#topics.delete(found.topic)
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
