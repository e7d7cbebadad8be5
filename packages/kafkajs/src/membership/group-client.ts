import type { KafkaCluster } from '../connection/kafka-cluster.js'
import type { Api, RequestOf, ResponseOf } from '../protocol/api.js'
import { CODE, isCoordinatorMoved } from '../protocol/error-codes.js'
import { HEARTBEAT } from '../protocol/heartbeat.js'
import { JOIN_GROUP } from '../protocol/join-group.js'
import { LEAVE_GROUP } from '../protocol/leave-group.js'
import { OFFSET_COMMIT } from '../protocol/offset-commit.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { SYNC_GROUP } from '../protocol/sync-group.js'
import type { Offsets } from './offset-publisher.js'
import type { Generation } from './owned-partitions.js'

/** A connection for members alone: while a coordinator holds JoinGroup back, it reads nothing else from that connection. */
const CHANNEL = 'membership'
const PROTOCOL_TYPE = 'consumer'

/** How a member joins. */
export interface JoinRequest {
  /** Empty for a new member. */
  readonly memberId: string
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
 * Sends the requests of one member to the coordinator of its group (the classic protocol of consumer groups). It retries nothing:
 * after an error the next request looks for the coordinator again.
 */
export class GroupClient {
  readonly #group: string
  readonly #cluster: KafkaCluster
  #coordinator: number | undefined

  constructor(group: string, cluster: KafkaCluster) {
    this.#group = group
    this.#cluster = cluster
  }

  /** Joins. The coordinator responds once all members have joined, or after the rebalance timeout. */
  async join(request: JoinRequest): Promise<JoinedGeneration> {
    const first = await this.#join(request)
    // a new member gets its id first, and joins with it (KIP-394)
    const needsId = first.errorCode === CODE.MEMBER_ID_REQUIRED
    const response = needsId ? await this.#join({ ...request, memberId: first.memberId }) : first
    this.#check(JOIN_GROUP.name, response.errorCode)
    const { memberId, generationId, leader, members, protocolName } = response
    return { memberId, generationId, protocolName, isLeader: leader === memberId, members }
  }

  /**
   * Completes a rebalance.
   *
   * @param assignments of all members, from the leader; none from the others
   * @returns the assignment of this member
   */
  async sync(joined: JoinedGeneration, assignments: readonly MemberAssignment[]): Promise<Buffer> {
    const { memberId, generationId, protocolName } = joined
    const request = {
      ...{ groupId: this.#group, memberId, generationId, assignments },
      ...{ protocolType: PROTOCOL_TYPE, protocolName },
    }
    const { errorCode, assignment } = await this.#send(SYNC_GROUP, request)
    this.#check(SYNC_GROUP.name, errorCode)
    return assignment
  }

  async heartbeat(generation: Generation): Promise<void> {
    const { errorCode } = await this.#send(HEARTBEAT, { groupId: this.#group, ...generation })
    this.#check(HEARTBEAT.name, errorCode)
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
    const response = await this.#send(OFFSET_COMMIT, request)
    for (const { partitions } of response.topics)
      for (const { errorCode } of partitions) this.#check(OFFSET_COMMIT.name, errorCode)
  }

  /** Leaves, so that the group need not wait for the session to time out. */
  async leave(memberId: string): Promise<void> {
    const coordinator = await this.#cluster.coordinatorOf('group', this.#group)
    // not over the connection that a JoinGroup may occupy
    const request = { groupId: this.#group, members: [{ memberId }] }
    await this.#cluster.request(coordinator, 'group', LEAVE_GROUP, request)
  }

  #join({ memberId, sessionTimeoutMs, rebalanceTimeoutMs, assignor }: JoinRequest) {
    const request = {
      ...{ groupId: this.#group, sessionTimeoutMs, rebalanceTimeoutMs, memberId },
      ...{ protocolType: PROTOCOL_TYPE, protocols: [assignor] },
    }
    return this.#send(JOIN_GROUP, request, rebalanceTimeoutMs)
  }

  async #send<A extends Api>(api: A, request: RequestOf<A>, maxWaitMs = 0): Promise<ResponseOf<A>> {
    this.#coordinator ??= await this.#cluster.coordinatorOf('group', this.#group)
    try {
      return await this.#cluster.request(this.#coordinator, CHANNEL, api, request, { maxWaitMs })
    } catch (error) {
      this.#coordinator = undefined
      throw error
    }
  }

  /** @throws ProtocolError */
  #check(api: string, errorCode: number): void {
    if (errorCode === CODE.NONE) return
    if (isCoordinatorMoved(errorCode)) this.#coordinator = undefined
    throw new ProtocolError(errorCode, `${api} of group ${this.#group}`)
  }
}
