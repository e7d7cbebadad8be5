import { isJoineryError, type Timer } from '@joinery/core'
import type { GroupMember, Membership } from '@joinery/core/log'
import { exponentialBackoff, retry, settledWithin, unlessAborted } from '../connection/retry.js'
import { CODE } from '../protocol/error-codes.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { GroupClient, type JoinedGeneration } from './group-client.js'
import { groupError, isExpelled, isRebalance } from './group-errors.js'
import type { GroupOptions } from './group-options.js'
import { checkTransition, type MembershipState } from './membership-state.js'
import { OffsetPublisher } from './offset-publisher.js'
import { type Generation, type OwnedPartition, OwnedPartitions } from './owned-partitions.js'
import { assignedTasks, stickyAssigner } from './sticky-assigner.js'

const FIRST_JOIN_MS = 30_000
const LEAVE_MS = 5_000
const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000

/**
 * One membership in a group, by the classic protocol of consumer groups.
 *
 * ```text
 *              assigned               the group rebalances
 *   joining ─────────────▶ member ───────────────────────▶ revoking
 *     ▲  ▲                  │  ▲                               │
 *     │  │    no heartbeat  │  │ the group accepts             │
 *     │  │     in 2/3 of    │  │ a heartbeat after all         │
 *     │  │    the session,  ▼  │                               │
 *     │  │    or expelled  lost                                │
 *     │  │                  │                                  │
 *     │  └──────────────────┘ the group rebalances,            │
 *     │                       or has removed the member        │
 *     └────────────────────────────────────────────────────────┘
 *                             the tasks are revoked
 *
 *   joining ──▶ failed: an error that is not retriable
 *   any state ──▶ left
 * ```
 *
 * Only in `member` does this member own its assignment. It is notified that it lost its tasks before the session times out,
 * because then the group may assign them to others.
 */
export class KafkaMembership implements Membership {
  readonly group: string
  readonly topics: readonly string[]
  readonly #member: GroupMember
  readonly #options: GroupOptions
  readonly #client: GroupClient
  readonly #publisher: OffsetPublisher
  readonly #owned = new OwnedPartitions()
  readonly #leaving = new AbortController()
  #state: MembershipState = 'joining'
  /** Empty until the group has given one. */
  #memberId = ''
  /** The present generation; another object in each. */
  #generation: Generation | undefined
  #assignment: readonly number[] = []
  /** Aborts when the member has to join again. */
  #rejoin = new AbortController()
  /** When the last heartbeat that the group accepted was sent, in monotonic milliseconds. */
  #acceptedAt = 0
  #timer: Timer | undefined
  #isSendingHeartbeat = false

  constructor(group: string, topics: readonly string[], member: GroupMember, options: GroupOptions) {
    this.group = group
    this.topics = topics
    this.#member = member
    this.#options = options
    this.#client = new GroupClient(group, options.cluster)
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
    await this.#join(this.#now() + FIRST_JOIN_MS)
    this.#scheduleHeartbeat()
    this.#stay()
  }

  async verify(): Promise<'member' | 'rebalancing' | 'lost'> {
    const generation = this.#generation
    if (this.#state !== 'member' && this.#state !== 'lost') return 'rebalancing'
    const result = await this.#heartbeat()
    if (generation !== this.#generation) return 'rebalancing'
    if (result === 'expelled') return 'lost'
    return result === 'accepted' && this.#isIn('member') ? 'member' : 'rebalancing'
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
    this.#timer?.cancel()
    const leaving = this.#publisher
      .flush()
      .then(() => (this.#memberId === '' ? undefined : this.#client.leave(this.#memberId)))
    this.#leaving.abort()
    await settledWithin(this.#options.clock, LEAVE_MS, leaving) // else the group removes it after the session timeout
    this.#publisher.close()
  }

  #now(): number {
    return this.#options.clock.monotonic()
  }

  #isIn(state: MembershipState): boolean {
    return this.#state === state
  }

  #enter(state: MembershipState): void {
    checkTransition(this.#state, state)
    this.#state = state
  }

  /** Joins again whenever the member has to. Never rejects. */
  async #stay(): Promise<void> {
    while (!this.#isIn('left')) {
      await aborted(this.#rejoin.signal, this.#leaving.signal)
      if (this.#isIn('member')) await this.#revoke()
      if (this.#isIn('left')) return
      this.#enter('joining')
      try {
        await this.#join(Number.POSITIVE_INFINITY)
      } catch (error) {
        if (this.#isIn('left')) return
        this.#enter('failed')
        this.#member.failed(error as Error)
        return
      }
    }
  }

  /** Retries until it works, time is over, or the error is not retriable. */
  async #join(until: number): Promise<void> {
    const { clock, retries } = this.#options
    const what = `join group ${this.group}`
    const backoff = exponentialBackoff(FIRST_RETRY_MS, LAST_RETRY_MS)
    await retry(() => unlessAborted(this.#leaving.signal, this.#attemptToJoin()), {
      clock,
      signal: this.#leaving.signal,
      maxAttempts: Number.POSITIVE_INFINITY,
      isRetriable: (error) => isJoineryError(error) && error.retriable && this.#now() <= until,
      delayMs: (_error, attempt) => backoff(attempt),
      onRetry: (error) => retries.report(what, error),
    }).finally(() => retries.end(what))
  }

  async #attemptToJoin(): Promise<void> {
    const { cluster, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    const topics = [...this.topics]
    const counts = new Map<string, number>()
    for (const topic of topics) counts.set(topic, await cluster.partitionsOf(topic))
    const assigner = stickyAssigner(
      (topic) => counts.get(topic) ?? 0,
      () => this.#member.ownedTasks(),
    )
    const { name, metadata } = assigner.protocol({ topics })
    try {
      const joined = await this.#client.join({
        ...{ memberId: this.#memberId, sessionTimeoutMs, rebalanceTimeoutMs },
        assignor: { name, metadata },
      })
      const { memberId, generationId, isLeader, members } = joined
      this.#memberId = memberId
      const assignments = isLeader ? await assigner.assign({ members: membersOf(members), topics }) : []
      const sentAt = this.#now()
      const assignment = await this.#client.sync(
        joined,
        assignments.map((each) => ({ memberId: each.memberId, assignment: each.memberAssignment })),
      )
      if (this.#isIn('joining'))
        this.#joined({ memberId, generationId }, assignedTasks(assignment, topics[0] as string), sentAt)
    } catch (error) {
      if (isExpelled(error)) this.#memberId = ''
      throw groupError(this.group, error)
    }
  }

  #joined(generation: Generation, tasks: readonly number[], at: number): void {
    this.#generation = generation
    this.#rejoin = new AbortController()
    this.#assignment = tasks
    this.#own(at)
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
      .catch((error: unknown) => this.#member.failed(error as Error))
    await settledWithin(clock, sessionTimeoutMs / 2, revoking)
  }

  #scheduleHeartbeat(): void {
    if (this.#isIn('left') || this.#isIn('failed')) return
    const { clock, heartbeatIntervalMs, sessionTimeoutMs } = this.#options
    this.#timer = clock.setTimeout(() => {
      if (this.#isIn('member') && this.#now() - this.#acceptedAt > (sessionTimeoutMs * 2) / 3) this.#lose()
      if (!this.#isIn('joining') && !this.#isSendingHeartbeat) {
        this.#isSendingHeartbeat = true
        this.#heartbeat().finally(() => {
          this.#isSendingHeartbeat = false
        })
      }
      this.#scheduleHeartbeat()
    }, heartbeatIntervalMs)
  }

  /** Sends a heartbeat, and does what the group responds. Never rejects. */
  async #heartbeat(): Promise<'accepted' | 'rebalancing' | 'expelled' | 'failed'> {
    const generation = this.#generation
    if (generation === undefined) return 'rebalancing'
    const sentAt = this.#now()
    try {
      await this.#client.heartbeat(generation)
      if (generation === this.#generation) this.#accepted(sentAt)
      return 'accepted'
    } catch (error) {
      const result = isExpelled(error) ? 'expelled' : isRebalance(error) ? 'rebalancing' : 'failed'
      if (generation === this.#generation && result !== 'failed') this.#mustRejoin(result, error)
      return result
    }
  }

  /** What the group responds counts from when the request was sent. */
  #accepted(sentAt: number): void {
    this.#acceptedAt = Math.max(this.#acceptedAt, sentAt)
    if (this.#isIn('lost')) this.#own(this.#acceptedAt)
  }

  #mustRejoin(result: 'rebalancing' | 'expelled', error: unknown): void {
    if (result === 'expelled') {
      if (error instanceof ProtocolError && error.code === CODE.UNKNOWN_MEMBER_ID) this.#memberId = ''
      if (this.#isIn('member')) this.#lose()
    }
    this.#rejoin.abort()
  }
}

const membersOf = (members: JoinedGeneration['members']) =>
  members.map(({ memberId, metadata }) => ({ memberId, memberMetadata: metadata }))

/** Resolves when one of the signals aborts. */
function aborted(...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of signals) {
      signal.addEventListener('abort', () => resolve(), { once: true })
      if (signal.aborted) resolve()
    }
  })
}
