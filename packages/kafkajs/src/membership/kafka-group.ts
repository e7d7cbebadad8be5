import type { GroupMember, LogGroup, Membership } from '@joinery/core/log'
import { logClosed } from '../connection/retry.js'
import type { GroupOptions } from './group-options.js'
import { KafkaMembership } from './kafka-membership.js'
import { sharedVerification } from './shared-verification.js'

/** The groups of applications: groups of consumers, by Kafka's classic protocol. */
export class KafkaGroup implements LogGroup {
  readonly #options: GroupOptions
  readonly #memberships = new Set<KafkaMembership>()

  constructor(options: GroupOptions) {
    this.#options = options
  }

  get sessionTimeoutMs(): number {
    return this.#options.sessionTimeoutMs
  }

  async join(group: string, topics: readonly string[], member: GroupMember): Promise<Membership> {
    const membership = new KafkaMembership({ ...this.#options, group, topics, member, channel: this.#freeChannel() })
    const leave = async () => {
      this.#memberships.delete(membership)
      await membership.leave()
    }
    this.#memberships.add(membership)
    try {
      await membership.start()
    } catch (error) {
      await leave()
      throw error
    }
    return { verify: sharedVerification(this.#options.clock, () => membership.verify()), leave }
  }

  /** @returns the memberships of this client in a group, including those that are joining */
  membershipsOf(group: string): readonly KafkaMembership[] {
    return [...this.#memberships].filter((membership) => membership.group === group)
  }

  /**
   * Whether this client may commit as a member of a group, by a heartbeat now. It may run tasks without a group, so no
   * membership is enough.
   */
  async verify(group: string): ReturnType<Membership['verify']> {
    const memberships = this.membershipsOf(group)
    const proofs = await Promise.all(memberships.map((membership) => membership.verifyForCommit()))
    if (proofs.length === 0 || proofs.includes('member')) return 'member'
    return proofs.includes('rebalancing') ? 'rebalancing' : 'lost'
  }

  /** Publishes the offsets of a task, later and without a guarantee. */
  publish(group: string, task: number, offsets: ReadonlyMap<string, number>): void {
    for (const membership of this.membershipsOf(group)) membership.publish(task, offsets)
  }

  /** Ends all memberships, including those that are joining. Those that have joined fail with `LOG_CLOSED`. */
  async close(): Promise<void> {
    await Promise.all([...this.#memberships].map((membership) => membership.leave(logClosed())))
  }

  /** Memberships that have ended leave their connections to later ones. */
  #freeChannel(): string {
    const used = new Set(Array.from(this.#memberships, ({ channel }) => channel))
    let number = 1
    while (used.has(`membership ${number}`)) number++
    return `membership ${number}`
  }
}
