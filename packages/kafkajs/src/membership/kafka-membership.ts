import type { GroupMember, Membership } from '@joinery/core/log'
import { settledWithin } from '../connection/retry.js'
import { aborted } from './aborted.js'
import { GroupClient } from './group-client.js'
import { type Assignment, GroupJoiner } from './group-joiner.js'
import { type MembershipOptions, ownershipMs } from './group-options.js'
import { type HeartbeatResult, Heartbeats } from './heartbeats.js'
import { checkTransition, type MembershipState } from './membership-state.js'
import { OffsetPublisher } from './offset-publisher.js'
import { type Generation, type OwnedPartition, OwnedPartitions } from './owned-partitions.js'

const FIRST_JOIN_MS = 30_000
const LEAVE_MS = 5_000

/**
 * One membership in a group, by the classic protocol of consumer groups.
 *
 * ```text
 *              assigned               the group rebalances
 *   joining ─────────────▶ member ───────────────────────▶ revoking
 *     ▲  ▲                  │  ▲                             │  │
 *     │  │    no heartbeat  │  │ the group accepts           │  │
 *     │  │     in 2/3 of    │  │ a heartbeat after all       │  │
 *     │  │    the session,  ▼  │                             │  │
 *     │  │    or expelled  lost ◀────────────────────────────┘  │
 *     │  │                  │     no heartbeat, or expelled     │
 *     │  └──────────────────┘                                   │
 *     │    the group rebalances, or has removed the member      │
 *     └─────────────────────────────────────────────────────────┘
 *                             the tasks are revoked
 *
 *   joining, member, revoking, lost ──▶ failed: an error that is not retriable
 *   any state ──▶ left
 * ```
 *
 * Only in `member` does this member own its assignment. It is notified that it lost its tasks before the session times out,
 * because then the group may assign them to others.
 *
 * A coordinator that is still loading its groups accepts every heartbeat. So a member that was removed just before may get
 * its tasks back until the next heartbeat. Its commits fail.
 */
export class KafkaMembership implements Membership {
  readonly group: string
  readonly topics: readonly string[]
  readonly channel: string
  readonly #member: GroupMember
  readonly #options: MembershipOptions
  readonly #client: GroupClient
  readonly #joiner: GroupJoiner
  readonly #heartbeats: Heartbeats
  readonly #publisher: OffsetPublisher
  readonly #owned = new OwnedPartitions()
  /** Aborts when the membership is left, or has failed. */
  readonly #ended = new AbortController()
  #state: MembershipState = 'joining'
  /** The current generation; another object in each. */
  #generation: Generation | undefined
  #assignment: readonly number[] = []
  /** Aborts when the member has to join again. */
  #rejoin = new AbortController()
  /** When the last heartbeat that the group accepted was sent, in monotonic milliseconds. A rebalance accepts none. */
  #acceptedAt = 0
  #leaving: Promise<void> | undefined

  constructor(options: MembershipOptions) {
    const { group, topics, member, channel } = options
    this.group = group
    this.topics = topics
    this.channel = channel
    this.#member = member
    this.#options = options
    this.#client = new GroupClient(group, options.cluster, channel)
    const { signal } = this.#ended
    const ownedTasks = () => member.ownedTasks()
    this.#joiner = new GroupJoiner({ group, topics, options, client: this.#client, signal, ownedTasks })
    this.#heartbeats = new Heartbeats(group, this.#client, options, {
      due: () => this.#heartbeatDue(),
      responded: (...response) => this.#responded(...response),
      failed: (error) => this.#fail(error),
    })
    this.#publisher = new OffsetPublisher(
      async (offsets) => {
        if (this.#generation !== undefined) await this.#client.commitOffsets(this.#generation, offsets)
      },
      options.publishIntervalMs,
      options.clock,
    )
  }

  /**
   * Joins, and stays a member from then on. Temporary failures, such as a coordinator that is still loading, are retried
   * for a while.
   *
   * @throws JoineryError
   */
  async start(): Promise<void> {
    this.#joined(await this.#joiner.join(this.#now() + FIRST_JOIN_MS))
    this.#heartbeats.start()
    this.#stay()
  }

  async verify(): Promise<'member' | 'rebalancing' | 'lost'> {
    const generation = this.#generation
    if (this.#ended.signal.aborted) return 'lost'
    if (generation === undefined || !this.#isIn('member', 'lost')) return 'rebalancing'
    const result = await this.#heartbeats.send(generation)
    if (generation !== this.#generation) return 'rebalancing'
    if (result === 'expelled') return 'lost'
    return result === 'accepted' && this.#isIn('member') ? 'member' : 'rebalancing'
  }

  /** Like {@link verify}, also while tasks are revoked: the group waits for this member to commit their work. */
  async verifyForCommit(): ReturnType<Membership['verify']> {
    if (this.#generation === undefined || !this.#isIn('revoking')) return this.verify()
    const result = await this.#heartbeats.send(this.#generation)
    if (result === 'expelled') return 'lost'
    return result !== 'failed' && this.#isIn('revoking') ? 'member' : 'rebalancing'
  }

  /** @returns a task that this member owns; `undefined` for any other */
  owned(task: number): OwnedPartition | undefined {
    return this.#owned.get(task)
  }

  publish(task: number, offsets: ReadonlyMap<string, number>): void {
    if (this.#assignment.includes(task) && !this.#ended.signal.aborted) this.#publisher.add(task, offsets)
  }

  /** @param reason why the member cannot continue, if it is not leaving by itself */
  leave(reason?: Error): Promise<void> {
    if (reason !== undefined && this.#generation !== undefined) this.#fail(reason)
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  async #leave(): Promise<void> {
    this.#end('left')
    const leaving = this.#publisher.flush().then(() => this.#client.leave())
    await settledWithin(this.#options.clock, LEAVE_MS, leaving) // else the group removes it after the session timeout
    this.#publisher.close()
  }

  #now(): number {
    return this.#options.clock.monotonic()
  }

  #isIn(...states: readonly MembershipState[]): boolean {
    return states.includes(this.#state)
  }

  #enter(state: MembershipState): void {
    checkTransition(this.#state, state)
    this.#state = state
  }

  #end(state: 'left' | 'failed'): void {
    this.#enter(state)
    this.#ended.abort()
    this.#heartbeats.stop()
  }

  #fail(error: unknown): void {
    if (this.#ended.signal.aborted) return
    this.#end('failed')
    this.#member.failed(error as Error)
  }

  /** Joins again whenever the member has to. Never rejects. */
  async #stay(): Promise<void> {
    for (;;) {
      await aborted(this.#rejoin.signal, this.#ended.signal)
      if (this.#isIn('member')) await this.#revoke()
      if (this.#ended.signal.aborted) return
      this.#enter('joining')
      try {
        this.#joined(await this.#joiner.join(Number.POSITIVE_INFINITY))
      } catch (error) {
        this.#fail(error)
        return
      }
    }
  }

  #joined({ generation, tasks, sentAt }: Assignment): void {
    if (!this.#isIn('joining')) return
    const { generationId: before = generation.generationId } = this.#generation ?? {}
    if (generation.generationId !== before && generation.generationId !== before + 1) {
      // others may have owned the tasks in a generation that this member has missed
      this.#owned.clear()
      this.#publisher.discard()
    }
    this.#generation = generation
    this.#rejoin = new AbortController()
    this.#assignment = tasks
    this.#own(sentAt)
  }

  /** @param at when the request was sent to which the group has responded that this is a member */
  #own(at: number): void {
    this.#enter('member')
    this.#acceptedAt = at
    this.#publisher.keep(new Set(this.#assignment))
    this.#owned.assign(this.#assignment, this.#generation)
    this.#member.assigned(this.#assignment)
  }

  #lose(): void {
    this.#enter('lost')
    this.#owned.clear()
    this.#member.lost()
  }

  /** Revokes all tasks, within half a session; heartbeats keep the member in the group meanwhile. */
  async #revoke(): Promise<void> {
    this.#enter('revoking')
    const tasks = this.#member.ownedTasks()
    if (tasks.length === 0) return
    const { clock, sessionTimeoutMs } = this.#options
    const revoking = this.#member
      .revoked(tasks)
      .then(() => this.#publisher.flush())
      .catch((error: unknown) => this.#fail(error))
    await settledWithin(clock, sessionTimeoutMs / 2, Promise.race([revoking, aborted(this.#ended.signal)]))
  }

  #heartbeatDue(): Generation | undefined {
    if (this.#isIn('member', 'revoking') && !this.#isValid(this.#acceptedAt)) this.#lose()
    return this.#isIn('joining') ? undefined : this.#generation
  }

  /** Whether the session has not timed out since the group accepted a request that was sent then. */
  #isValid(sentAt: number): boolean {
    return this.#now() - sentAt <= ownershipMs(this.#options)
  }

  #responded(result: HeartbeatResult, generation: Generation, sentAt: number): void {
    if (generation !== this.#generation || result === 'failed') return
    if (result === 'accepted') {
      this.#acceptedAt = Math.max(this.#acceptedAt, sentAt)
      if (this.#isIn('lost') && !this.#rejoin.signal.aborted && this.#isValid(sentAt)) this.#own(sentAt)
      return
    }
    if (result === 'expelled' && this.#isIn('member', 'revoking')) this.#lose()
    this.#rejoin.abort()
  }
}
