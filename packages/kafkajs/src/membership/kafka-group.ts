import type { JoineryError } from '@joinery/core'
import type { GroupMember, LogGroup, Membership } from '@joinery/core/log'
import type { Kafka } from 'kafkajs'
import { KafkaMembership } from './kafka-membership.js'

/** How members keep in touch. */
export interface GroupOptions {
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatMs: number
  /** How often offsets are told for lag tools, at most. */
  readonly publishMs: number
  /** A client of its own for each attempt. */
  readonly kafka: () => Kafka
  /** Rejects if this user may not use the group: kafkajs only says that it found no coordinator. */
  readonly check: (group: string) => Promise<unknown>
  /** Told of what is being tried again. */
  readonly retrying: (error: JoineryError) => void
}

/** Groups through kafkajs consumers that never fetch: all their partitions are paused. */
export class KafkaGroup implements LogGroup {
  readonly #options: GroupOptions
  readonly #memberships = new Set<KafkaMembership>()

  constructor(options: GroupOptions) {
    this.#options = options
  }

  async join(group: string, topics: readonly string[], member: GroupMember): Promise<Membership> {
    const membership = new KafkaMembership(group, topics, member, this.#options)
    await membership.start()
    this.#memberships.add(membership)
    return {
      verify: () => membership.verify(),
      leave: async () => {
        this.#memberships.delete(membership)
        await membership.leave()
      },
    }
  }

  /** The memberships in a group that this client has. */
  membershipsOf(group: string): readonly KafkaMembership[] {
    return [...this.#memberships].filter((membership) => membership.group === group)
  }

  /** Tells the group how far a task is. Best effort, later. */
  publish(group: string, task: number, offsets: ReadonlyMap<string, number>): void {
    for (const membership of this.membershipsOf(group)) membership.publish(task, offsets)
  }
}
