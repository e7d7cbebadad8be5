import type { Timer } from '@joinery/core'
import type { ManualClock } from '@joinery/core/testing'
import type { ReceivedRequestOf, SentResponseOf } from '../../src/protocol/api.js'
import { CODE } from '../../src/protocol/error-codes.js'
import type { HEARTBEAT } from '../../src/protocol/heartbeat.js'
import type { JOIN_GROUP } from '../../src/protocol/join-group.js'
import type { SYNC_GROUP } from '../../src/protocol/sync-group.js'

type JoinRequest = ReceivedRequestOf<typeof JOIN_GROUP>
type JoinResponse = SentResponseOf<typeof JOIN_GROUP>
type SyncRequest = ReceivedRequestOf<typeof SYNC_GROUP>
type SyncResponse = SentResponseOf<typeof SYNC_GROUP>
type HeartbeatRequest = ReceivedRequestOf<typeof HEARTBEAT>

interface Member {
  readonly id: string
  readonly sessionMs: number
  readonly rebalanceMs: number
  metadata: Buffer
  assignment: Buffer
  /** Responds to JoinGroup, which the coordinator holds back. */
  join?: ((response: JoinResponse) => void) | undefined
  /** Responds to SyncGroup, which the coordinator holds back. */
  sync?: ((response: SyncResponse) => void) | undefined
  session?: Timer | undefined
}

type GroupState = 'empty' | 'preparing rebalance' | 'completing rebalance' | 'stable'

/** What the coordinator writes to `__consumer_offsets` when a rebalance is complete, for the next coordinator. */
export interface StoredGroup {
  readonly generation: number
  readonly leader: string
  readonly members: readonly Pick<Member, 'id' | 'sessionMs' | 'rebalanceMs' | 'metadata' | 'assignment'>[]
}

const NO_BYTES = Buffer.alloc(0)

/** The coordinator of one group, by the classic protocol: Kafka's `GroupCoordinator`, for dynamic members with one assignor. */
export class GroupCoordinator {
  state: GroupState = 'empty'
  generation = 0
  readonly members: Map<string, Member> = new Map()
  stored: StoredGroup = { generation: 0, leader: '', members: [] }
  /** Has the ids of members that have not joined with them yet. */
  readonly #pending = new Map<string, Timer>()
  readonly #clock: ManualClock
  readonly #newId: () => string
  #leader = ''
  #rebalance: Timer | undefined

  constructor(clock: ManualClock, newId: () => string, stored?: StoredGroup) {
    this.#clock = clock
    this.#newId = newId
    if (stored === undefined) return
    this.stored = stored
    this.generation = stored.generation
    if (stored.members.length === 0) return
    this.#leader = stored.leader
    this.state = 'stable'
    for (const each of stored.members) this.members.set(each.id, { ...each })
    for (const member of this.members.values()) this.#renew(member)
  }

  join(request: JoinRequest): Promise<JoinResponse> {
    const { memberId, sessionTimeoutMs: sessionMs, rebalanceTimeoutMs: rebalanceMs, protocols } = request
    const metadata = protocols[0]?.metadata ?? NO_BYTES
    if (memberId === '') {
      const id = this.#newId()
      this.#pending.set(
        id,
        this.#clock.setTimeout(() => this.#removePending(id), sessionMs),
      )
      return Promise.resolve(joinError(CODE.MEMBER_ID_REQUIRED, id))
    }
    const known = this.members.get(memberId)
    if (known === undefined && !this.#pending.has(memberId))
      return Promise.resolve(joinError(CODE.UNKNOWN_MEMBER_ID, memberId))
    const member = known ?? { id: memberId, sessionMs, rebalanceMs, metadata, assignment: NO_BYTES }
    this.#pending.get(memberId)?.cancel()
    this.#pending.delete(memberId)
    this.members.set(memberId, member)
    if (this.#leader === '') this.#leader = memberId
    const isSame = known !== undefined && member.metadata.equals(metadata)
    const isCurrent = this.state === 'completing rebalance' || (this.state === 'stable' && this.#leader !== memberId)
    if (isSame && isCurrent) return Promise.resolve(this.#joined(member))
    member.metadata = metadata
    member.session?.cancel() // members that await a rebalance do not time out
    return new Promise((resolve) => {
      member.join = resolve
      this.#prepareRebalance()
    })
  }

  sync({ memberId, generationId, assignments }: SyncRequest): Promise<SyncResponse> {
    const error = this.#validate(memberId, generationId)
    if (error !== CODE.NONE) return Promise.resolve(syncResponse(error))
    const member = this.members.get(memberId) as Member
    if (this.state === 'preparing rebalance') return Promise.resolve(syncResponse(CODE.REBALANCE_IN_PROGRESS))
    if (this.state === 'stable') {
      this.#renew(member)
      return Promise.resolve(syncResponse(CODE.NONE, member.assignment))
    }
    member.session?.cancel()
    return new Promise((resolve) => {
      member.sync = resolve
      if (this.#leader === memberId) this.#assign(assignments)
    })
  }

  heartbeat({ memberId, generationId }: HeartbeatRequest): number {
    const error = this.#validate(memberId, generationId)
    if (error !== CODE.NONE) return error
    this.#renew(this.members.get(memberId) as Member)
    return this.state === 'preparing rebalance' ? CODE.REBALANCE_IN_PROGRESS : CODE.NONE
  }

  leave(memberId: string): number {
    const member = this.members.get(memberId)
    if (member !== undefined) this.#remove(member)
    else if (this.#pending.has(memberId)) this.#removePending(memberId)
    else return CODE.UNKNOWN_MEMBER_ID
    return CODE.NONE
  }

  commit(memberId: string, generationId: number): number {
    const error = this.#validate(memberId, generationId)
    return error === CODE.NONE && this.state === 'completing rebalance' ? CODE.REBALANCE_IN_PROGRESS : error
  }

  /** Another broker is the coordinator: what is held back gets a response. */
  unload(): void {
    for (const timer of this.#pending.values()) timer.cancel()
    this.#rebalance?.cancel()
    for (const member of this.members.values()) {
      member.session?.cancel()
      member.join?.(joinError(CODE.NOT_COORDINATOR, member.id))
      member.sync?.(syncResponse(CODE.NOT_COORDINATOR))
    }
    this.members.clear()
  }

  #validate(memberId: string, generationId: number): number {
    if (!this.members.has(memberId)) return CODE.UNKNOWN_MEMBER_ID
    return generationId === this.generation ? CODE.NONE : CODE.ILLEGAL_GENERATION
  }

  #renew(member: Member): void {
    member.session?.cancel()
    member.session = this.#clock.setTimeout(() => this.#remove(member), member.sessionMs)
  }

  #remove(member: Member): void {
    member.session?.cancel()
    member.join?.(joinError(CODE.UNKNOWN_MEMBER_ID, ''))
    this.members.delete(member.id)
    if (this.#leader === member.id) this.#leader = this.members.keys().next().value ?? ''
    if (this.state === 'preparing rebalance') this.#completeJoin(false)
    else this.#prepareRebalance()
  }

  #removePending(id: string): void {
    this.#pending.get(id)?.cancel()
    this.#pending.delete(id)
    if (this.state === 'preparing rebalance') this.#completeJoin(false)
  }

  #prepareRebalance(): void {
    if (this.state !== 'preparing rebalance') {
      for (const member of this.members.values()) {
        if (member.sync === undefined) continue
        member.sync(syncResponse(CODE.REBALANCE_IN_PROGRESS))
        member.sync = undefined
        this.#renew(member)
      }
      this.state = 'preparing rebalance'
      const rebalanceMs = Math.max(0, ...Array.from(this.members.values(), (member) => member.rebalanceMs))
      this.#rebalance = this.#clock.setTimeout(() => this.#completeJoin(true), rebalanceMs)
    }
    this.#completeJoin(false)
  }

  /** @param isTimeout whether the members that have not joined are removed */
  #completeJoin(isTimeout: boolean): void {
    const missing = [...this.members.values()].filter(({ join }) => join === undefined)
    if (!isTimeout && (missing.length > 0 || this.#pending.size > 0)) return
    this.#rebalance?.cancel()
    for (const { id, session } of missing) {
      session?.cancel()
      this.members.delete(id)
    }
    if (!this.members.has(this.#leader)) this.#leader = this.members.keys().next().value ?? ''
    this.generation++
    if (this.members.size === 0) {
      this.state = 'empty'
      this.stored = { generation: this.generation, leader: '', members: [] }
      return
    }
    this.state = 'completing rebalance'
    for (const member of this.members.values()) {
      member.join?.(this.#joined(member))
      member.join = undefined
      this.#renew(member)
    }
  }

  #assign(assignments: SyncRequest['assignments']): void {
    this.state = 'stable'
    for (const member of this.members.values()) {
      member.assignment = assignments.find(({ memberId }) => memberId === member.id)?.assignment ?? NO_BYTES
      member.sync?.(syncResponse(CODE.NONE, member.assignment))
      member.sync = undefined
      this.#renew(member)
    }
    const members = Array.from(this.members.values(), ({ id, sessionMs, rebalanceMs, metadata, assignment }) => ({
      ...{ id, sessionMs, rebalanceMs, metadata, assignment },
    }))
    this.stored = { generation: this.generation, leader: this.#leader, members }
  }

  #joined({ id }: Member): JoinResponse {
    const isLeader = id === this.#leader
    return {
      ...{
        errorCode: CODE.NONE,
        generationId: this.generation,
        protocolType: 'consumer',
        protocolName: 'joinery-sticky',
      },
      ...{ leader: this.#leader, memberId: id },
      members: isLeader
        ? Array.from(this.members.values(), ({ id: memberId, metadata }) => ({ memberId, metadata }))
        : [],
    }
  }
}

export const joinError = (errorCode: number, memberId: string): JoinResponse => ({
  ...{ errorCode, memberId, generationId: -1, protocolType: null, protocolName: null, leader: '', members: [] },
})

export const syncResponse = (errorCode: number, assignment: Buffer = NO_BYTES): SyncResponse => ({
  ...{ errorCode, assignment, protocolType: 'consumer', protocolName: 'joinery-sticky' },
})
