import type { Timer } from '@joinery/core'
import type { GroupMember, Membership } from '@joinery/core/log'
import { settledWithin } from '../connection/retry.js'
import { GroupJoiner } from './group-joiner.js'
import type { GroupOptions } from './group-options.js'
import { isExpelled, MemberGeneration } from './member-generation.js'
import { checkTransition, type MembershipState } from './membership-state.js'
import { OffsetPublisher } from './offset-publisher.js'
import { type OwnedPartition, OwnedPartitions } from './owned-partitions.js'
import { revokeTasks } from './revoke-tasks.js'

const FIRST_JOIN_MS = 30_000
const LEAVE_MS = 5_000

/**
 * One membership: a kafkajs consumer, which is replaced whenever kafkajs gives up.
 *
 * ```text
 *                 assigned               the group rebalances
 *   ┌─────────┐ ───────────▶ ┌────────┐ ─────────────▶ ┌──────────┐
 *   │ joining │              │ member │                │ revoking │
 *   └─────────┘              └────────┘                └──────────┘
 *      ▲   ▲                   │    ▲                        │
 *      │   │        no         │    │ the group accepts      │
 *      │   │  heartbeat in 2/3 │    │ a heartbeat after all  │
 *      │   │   of the session, ▼    │                        │
 *      │   │   or expelled  ┌──────────┐                     │
 *      │   └─────────────── │   lost   │                     │
 *      │  kafkajs joins     └──────────┘                     │
 *      └─────────────────────────────────────────────────────┘
 *         the tasks are revoked, and kafkajs joins
 *
 *   joining, member, revoking, lost ──▶ rejoining: kafkajs has given up, or has not joined for too long
 *   rejoining ──▶ member: a new consumer has joined
 *   rejoining ──▶ failed: joining failed with an error that is not retriable
 *   any state ──▶ left
 * ```
 *
 * In `member` this member owns its assignment. On the way to `lost` and `rejoining` it is notified, once, that it lost
 * its tasks. A heartbeat that the group accepts after the tasks were revoked also leads from `joining` to `member`: kafkajs
 * has tried to join and failed, and is still the same member.
 */
export class KafkaMembership implements Membership {
  readonly group: string
  readonly topics: readonly string[]
  readonly #member: GroupMember
  readonly #options: GroupOptions
  readonly #publisher: OffsetPublisher
  readonly #generation: MemberGeneration
  readonly #joiner: GroupJoiner
  readonly #owned = new OwnedPartitions()
  readonly #leaving = new AbortController()
  #state: MembershipState = 'joining'
  #assignment: readonly number[] = []
  /** Since when it has not been a member, in monotonic milliseconds. */
  #absentSince: number
  /** When the last heartbeat that the group accepted was sent. */
  #heartbeatAt: number
  /** When the tasks were revoked for kafkajs to join. */
  #revokedAt: number
  /** While tasks are being revoked. */
  #revocation: Promise<void> | undefined
  #timer: Timer | undefined
  #isSendingHeartbeat = false

  constructor(group: string, topics: readonly string[], member: GroupMember, options: GroupOptions) {
    this.group = group
    this.topics = topics
    this.#member = member
    this.#options = options
    const { clock, publishIntervalMs } = options
    const now = clock.monotonic()
    this.#absentSince = now
    this.#heartbeatAt = now
    this.#revokedAt = now
    this.#generation = new MemberGeneration(group, clock, {
      heartbeatAccepted: (sentAt) => this.#heartbeatAccepted(sentAt),
      expelled: () => this.#state === 'member' && this.#lose('lost'),
    })
    this.#publisher = new OffsetPublisher(
      (offsets) => this.#generation.commitOffsets(offsets),
      publishIntervalMs,
      clock,
    )
    this.#joiner = new GroupJoiner({
      group,
      topics,
      options,
      generation: this.#generation,
      signal: this.#leaving.signal,
      beforeJoin: () => this.#beforeJoin(),
      assigned: (tasks) => this.#assigned(tasks, this.#now()),
      ownedTasks: () => member.ownedTasks(),
    })
  }

  /**
   * Joins. Temporary failures, such as a coordinator that is still loading, are retried for a while.
   *
   * @throws JoineryError
   */
  async start(): Promise<void> {
    await this.#joiner.join(this.#now() + FIRST_JOIN_MS)
    this.#scheduleCheck()
  }

  async verify(): Promise<'member' | 'rebalancing' | 'lost'> {
    const generation = this.#generation.current
    if (generation === undefined || (this.#state !== 'member' && this.#state !== 'lost')) return 'rebalancing'
    try {
      await this.#generation.heartbeat()
      return generation === this.#generation.current && this.#isMember ? 'member' : 'rebalancing'
    } catch (error) {
      return generation === this.#generation.current && isExpelled(error) ? 'lost' : 'rebalancing'
    }
  }

  /** @returns a task that this member owns; `undefined` for any other */
  owned(task: number): OwnedPartition | undefined {
    return this.#owned.get(task)
  }

  publish(task: number, offsets: ReadonlyMap<string, number>): void {
    if (this.#assignment.includes(task)) this.#publisher.add(task, offsets)
  }

  async leave(): Promise<void> {
    if (this.#state === 'left') return
    this.#enter('left')
    this.#leaving.abort()
    this.#timer?.cancel()
    const leaving = this.#publisher.flush().then(() => this.#joiner.end())
    await settledWithin(this.#options.clock, LEAVE_MS, leaving) // otherwise the group expels it after the session timeout
    this.#publisher.close()
  }

  get #isMember(): boolean {
    return this.#state === 'member'
  }

  #now(): number {
    return this.#options.clock.monotonic()
  }

  #enter(state: MembershipState): void {
    checkTransition(this.#state, state)
    this.#state = state
  }

  /** kafkajs has given up, so heartbeats are no longer sent. */
  async #rejoin(crash: Error): Promise<void> {
    this.#joiner.end()
    if (this.#state === 'lost') this.#enter('rejoining')
    else this.#lose('rejoining')
    this.#generation.forget()
    try {
      await this.#joiner.join(Number.POSITIVE_INFINITY, crash)
    } catch (error) {
      if (this.#state !== 'rejoining') return
      this.#enter('failed')
      this.#member.failed(error as Error)
    }
  }

  /** @param at when the request was sent that the group has accepted */
  #assigned(tasks: readonly number[], at: number): void {
    if (this.#state === 'left') return
    this.#enter('member')
    this.#heartbeatAt = at
    this.#assignment = tasks
    this.#publisher.keep(new Set(tasks))
    this.#owned.assign(tasks, this.#generation.current)
    this.#member.assigned(tasks)
  }

  #lose(state: 'lost' | 'rejoining'): void {
    this.#enter(state)
    this.#absentSince = this.#now()
    this.#owned.clear()
    this.#member.lost()
  }

  #scheduleCheck(): void {
    if (this.#state === 'left') return
    const { clock, heartbeatIntervalMs } = this.#options
    this.#timer = clock.setTimeout(() => {
      this.#check()
      this.#scheduleCheck()
    }, heartbeatIntervalMs)
  }

  /** Supervises kafkajs, which heartbeats by the wall clock: if that steps back, or kafkajs hangs, this takes over. */
  #check(): void {
    if (this.#state === 'rejoining' || this.#state === 'failed') return
    const { sessionTimeoutMs, rebalanceTimeoutMs, heartbeatIntervalMs } = this.#options
    const now = this.#now()
    const { crash } = this.#joiner
    if (crash !== undefined) {
      this.#rejoin(crash)
      return
    }
    if (this.#isMember && now - this.#heartbeatAt > (sessionTimeoutMs * 2) / 3) this.#lose('lost')
    if (!this.#isMember && now - this.#absentSince > sessionTimeoutMs + rebalanceTimeoutMs) {
      this.#rejoin(new Error('kafkajs did not join the group again'))
      return
    }
    const isHeartbeatDue =
      this.#state === 'lost' || (this.#isMember && now - this.#heartbeatAt >= heartbeatIntervalMs * 2)
    if (this.#isSendingHeartbeat || !isHeartbeatDue) return
    this.#isSendingHeartbeat = true
    this.verify().finally(() => {
      this.#isSendingHeartbeat = false
    })
  }

  /** The session counts from when the request was sent, not from its response. */
  #heartbeatAccepted(sentAt: number): void {
    this.#heartbeatAt = Math.max(this.#heartbeatAt, sentAt)
    // kafkajs sends no heartbeats while it joins: it has not joined, and is still the same member
    const isBack = this.#state === 'joining' && sentAt > this.#revokedAt
    if (this.#state === 'lost' || isBack) this.#assigned(this.#assignment, this.#heartbeatAt)
  }

  async #beforeJoin(): Promise<void> {
    this.#revocation ??= this.#revoke().finally(() => {
      this.#revocation = undefined
    })
    await this.#revocation
  }

  /** Revokes the tasks before kafkajs joins. Never rejects. */
  async #revoke(): Promise<void> {
    if (this.#state === 'lost') {
      this.#absentSince = this.#now()
      this.#enter('joining')
    } else if (this.#isMember) {
      this.#absentSince = this.#now()
      this.#enter('revoking')
      await revokeTasks({
        member: this.#member,
        options: this.#options,
        generation: this.#generation,
        publisher: this.#publisher,
      })
      if (this.#state === 'revoking') this.#enter('joining')
    }
    this.#revokedAt = this.#now()
  }
}
