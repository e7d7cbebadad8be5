import { isJoineryError } from '@joinery/core'
import { exponentialBackoff, logClosed, retry, sleep, unlessAborted } from '../connection/retry.js'
import type { GroupClient, JoinedGeneration } from './group-client.js'
import { groupError, isExpelled, isRebalance } from './group-errors.js'
import { type GroupOptions, ownershipMs } from './group-options.js'
import type { Generation } from './owned-partitions.js'
import { assignedTasks, stickyAssigner } from './sticky-assigner.js'

const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000
/** The pause before a rebalance that was interrupted by another one begins again. */
const RESTART_MS = 20

/** What a joiner needs. */
export interface GroupJoinerOptions {
  readonly group: string
  readonly topics: readonly string[]
  readonly options: GroupOptions
  readonly client: GroupClient
  /** Aborts when the membership ends. */
  readonly signal: AbortSignal
  readonly ownedTasks: () => readonly number[]
}

/** A generation, and what this member owns in it. */
export interface Assignment {
  readonly generation: Generation
  readonly tasks: readonly number[]
  /** When the request was sent to which the group has responded that this is a member, in monotonic milliseconds. */
  readonly sentAt: number
}

/** Joins a group, as a new member or again: JoinGroup and SyncGroup. */
export class GroupJoiner {
  readonly #of: GroupJoinerOptions

  constructor(of: GroupJoinerOptions) {
    this.#of = of
  }

  /**
   * Retries until it works, time is over, or the error is not retriable.
   *
   * @param until in monotonic milliseconds
   * @throws JoineryError; `LOG_CLOSED` once the membership has ended
   */
  join(until: number): Promise<Assignment> {
    const { group, signal } = this.#of
    const { clock, retries } = this.#of.options
    const what = `join group ${group}`
    const backoff = exponentialBackoff(FIRST_RETRY_MS, LAST_RETRY_MS)
    return retry(() => unlessAborted(signal, this.#attempt(until)), {
      clock,
      signal,
      maxAttempts: Number.POSITIVE_INFINITY,
      isRetriable: (error) => isJoineryError(error) && error.retriable && clock.monotonic() <= until,
      delayMs: (_error, attempt) => backoff(attempt),
      onRetry: (error) => retries.report(what, error),
    }).finally(() => retries.end(what))
  }

  /** Begins again when another rebalance has begun meanwhile, or the group has removed the member: neither is a failure. */
  async #attempt(until: number): Promise<Assignment> {
    const { group, signal, options } = this.#of
    for (;;) {
      try {
        return await this.#join()
      } catch (error) {
        const isRestart = isRebalance(error) || isExpelled(error)
        if (!isRestart || options.clock.monotonic() > until) throw groupError(group, error)
      }
      await sleep(options.clock, RESTART_MS, signal)
      if (signal.aborted) throw logClosed()
    }
  }

  async #join(): Promise<Assignment> {
    const { client, options, signal, ownedTasks } = this.#of
    const { cluster, clock, sessionTimeoutMs, rebalanceTimeoutMs } = options
    const topics = [...this.#of.topics]
    const counts = new Map<string, number>()
    for (const topic of topics) counts.set(topic, await cluster.partitionsOf(topic))
    const assigner = stickyAssigner((topic) => counts.get(topic) ?? 0, ownedTasks)
    const { name, metadata } = assigner.protocol({ topics })
    const joined = await client.join({ sessionTimeoutMs, rebalanceTimeoutMs, assignor: { name, metadata } }, signal)
    if (signal.aborted) throw logClosed()
    const assignments = joined.isLeader ? await assigner.assign({ members: membersOf(joined), topics }) : []
    let sentAt = clock.monotonic()
    const assignment = await client.sync(
      joined,
      assignments.map((each) => ({ memberId: each.memberId, assignment: each.memberAssignment })),
      sessionTimeoutMs,
    )
    // a leader may take long: then the session may have timed out before the response arrived
    while (clock.monotonic() - sentAt > ownershipMs(options)) {
      sentAt = clock.monotonic()
      await client.heartbeat(joined)
    }
    const { memberId, generationId } = joined
    return { generation: { memberId, generationId }, tasks: assignedTasks(assignment, topics[0] as string), sentAt }
  }
}

const membersOf = ({ members }: JoinedGeneration) =>
  members.map(({ memberId, metadata }) => ({ memberId, memberMetadata: metadata }))
