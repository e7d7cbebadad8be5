import { Coordinator } from '../connection/coordinator.js'
import type { KafkaCluster } from '../connection/kafka-cluster.js'
import { logClosed } from '../connection/retry.js'
import type { Api } from '../protocol/api.js'
import { CODE, isCoordinatorMoved } from '../protocol/error-codes.js'
import { HEARTBEAT } from '../protocol/heartbeat.js'
import { JOIN_GROUP } from '../protocol/join-group.js'
import { LEAVE_GROUP } from '../protocol/leave-group.js'
import { OFFSET_COMMIT } from '../protocol/offset-commit.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { SYNC_GROUP } from '../protocol/sync-group.js'
import type { Offsets } from './offset-publisher.js'
import type { Generation } from './owned-partitions.js'

/** For what must not wait behind JoinGroup. */
const GROUP_CHANNEL = 'group'
const PROTOCOL_TYPE = 'consumer'

/** How a member joins. */
export interface JoinRequest {
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly assignor: { readonly name: string; readonly metadata: Buffer }
}

/** A generation that a member has joined. */
export interface JoinedGeneration extends Generation {
  /** The assignor that the group uses. */
  readonly protocolName: string | null
  /** Whether this member assigns the partitions. */
  readonly isLeader: boolean
  /** All members, for the leader; none for the others. */
  readonly members: readonly { readonly memberId: string; readonly metadata: Buffer }[]
}

/** The assignment of one member. */
export interface MemberAssignment {
  readonly memberId: string
  readonly assignment: Buffer
}

/**
 * Sends the requests of one member to the coordinator of its group (the classic protocol of consumer groups). It retries nothing.
 */
export class GroupClient {
  readonly #group: string
  readonly #coordinator: Coordinator
  readonly #channel: string
  /** Empty until the group has given one, and when the group no longer knows it. */
  #memberId = ''
  /** Settles when the first JoinGroup of a new member, which requests its id, has a response. Never rejects. */
  #requestingId: Promise<unknown> | undefined

  /**
   * @param channel of this member alone: while a coordinator holds JoinGroup or SyncGroup back, it reads nothing else from
   * that connection
   */
  constructor(group: string, cluster: KafkaCluster, channel: string) {
    this.#group = group
    this.#coordinator = new Coordinator(cluster, 'group', group)
    this.#channel = channel
  }

  /**
   * Joins. The coordinator responds once all members have joined, or after the rebalance timeout.
   *
   * @param signal aborts when the member leaves
   */
  async join(request: JoinRequest, signal: AbortSignal): Promise<JoinedGeneration> {
    const isNew = this.#memberId === ''
    const joining = this.#join(request)
    if (isNew) this.#requestingId = joining.catch(() => {})
    let response = await joining
    if (response.errorCode === CODE.MEMBER_ID_REQUIRED) {
      // a new member gets its id first, and joins with it (KIP-394)
      if (signal.aborted) throw logClosed()
      response = await this.#join(request)
    }
    const { memberId, generationId, leader, members, protocolName } = response
    return { memberId, generationId, protocolName, isLeader: leader === memberId, members }
  }

  /**
   * Completes a rebalance. The coordinator responds once the leader has sent the assignments.
   *
   * @param assignments of all members, from the leader; none from the others
   * @param maxWaitMs how long the leader may take
   * @returns the assignment of this member
   */
  async sync(joined: JoinedGeneration, assignments: readonly MemberAssignment[], maxWaitMs: number): Promise<Buffer> {
    const { memberId, generationId, protocolName } = joined
    const request = {
      ...{ groupId: this.#group, memberId, generationId, assignments },
      ...{ protocolType: PROTOCOL_TYPE, protocolName },
    }
    const { errorCode, assignment } = await this.#coordinator.request(this.#channel, SYNC_GROUP, request, { maxWaitMs })
    this.#check(SYNC_GROUP, errorCode, memberId)
    return assignment
  }

  async heartbeat({ memberId, generationId }: Generation): Promise<void> {
    const request = { groupId: this.#group, memberId, generationId }
    const { errorCode } = await this.#coordinator.request(this.#channel, HEARTBEAT, request)
    this.#check(HEARTBEAT, errorCode, memberId)
  }

  /** Commits offsets in the name of a member, for lag tools. */
  async commitOffsets({ memberId, generationId }: Generation, offsets: Offsets): Promise<void> {
    const topics = Array.from(offsets, ([name, partitions]) => ({
      name,
      partitions: Array.from(partitions, ([partitionIndex, committedOffset]) => ({
        partitionIndex,
        committedOffset,
        committedMetadata: '',
      })),
    })).filter(({ partitions }) => partitions.length > 0)
    if (topics.length === 0) return
    const request = { groupId: this.#group, generationIdOrMemberEpoch: generationId, memberId, topics }
    const response = await this.#coordinator.request(GROUP_CHANNEL, OFFSET_COMMIT, request)
    for (const { partitions } of response.topics)
      for (const { errorCode } of partitions) this.#check(OFFSET_COMMIT, errorCode, memberId)
  }

  /** Leaves, so that the group need not wait for the session to time out. */
  async leave(): Promise<void> {
    await this.#requestingId
    if (this.#memberId === '') return
    const request = { groupId: this.#group, members: [{ memberId: this.#memberId }] }
    await this.#coordinator.request(GROUP_CHANNEL, LEAVE_GROUP, request)
  }

  /** @throws ProtocolError except `MEMBER_ID_REQUIRED` */
  async #join({ sessionTimeoutMs, rebalanceTimeoutMs, assignor }: JoinRequest) {
    const memberId = this.#memberId
    const request = {
      ...{ groupId: this.#group, sessionTimeoutMs, rebalanceTimeoutMs, memberId },
      ...{ protocolType: PROTOCOL_TYPE, protocols: [assignor] },
    }
    const response = await this.#coordinator.request(this.#channel, JOIN_GROUP, request, {
      maxWaitMs: rebalanceTimeoutMs,
    })
    if (response.errorCode !== CODE.MEMBER_ID_REQUIRED) this.#check(JOIN_GROUP, response.errorCode, memberId)
    this.#memberId = response.memberId // also if the next response is lost: the group waits for a member that it knows
    return response
  }

  /** @throws ProtocolError */
  #check({ name }: Api, errorCode: number, memberId: string): void {
    if (errorCode === CODE.NONE) return
    if (isCoordinatorMoved(errorCode)) this.#coordinator.forget()
    // a response to an earlier id says nothing about this one
    if (errorCode === CODE.UNKNOWN_MEMBER_ID && memberId === this.#memberId) this.#memberId = ''
    throw new ProtocolError(errorCode, `${name} of group ${this.#group}`)
  }
}
