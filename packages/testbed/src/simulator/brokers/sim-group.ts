import { assignSticky } from '@joinery/core/log'
import type { EventLoop } from '../event-loop.js'

/** The response to a join. */
export interface Assignment {
  readonly member: string
  readonly generation: number
  readonly tasks: readonly number[]
}

interface Member {
  readonly id: string
  readonly process: string
  ownedTasks: readonly number[]
  lastHeartbeatAt: number
  /** Resolves its pending join when the generation is complete. */
  resolveJoin: ((assignment: Assignment) => void) | undefined
  reject: (() => void) | undefined
}

const SESSION_MS = 10_000
const REBALANCE_MS = 8_000
const EXPIRY_CHECK_MS = 500

/** The group does not know the member, or has removed it. */
export class UnknownMemberError extends Error {}

/** The coordinator of one consumer group: generations, sessions that expire, and a sticky assignor. */
export class SimGroup {
  readonly #eventLoop: EventLoop
  readonly #tasks: number
  readonly #members = new Map<string, Member>()
  /** Members that were removed, and whose heartbeats a former coordinator of the group still acknowledges. */
  readonly #misled = new Map<string, Member>()
  /** When each process that is no longer a member was one. */
  readonly #memberUntil = new Map<string, number>()
  #generation = 0
  #ids = 0
  #isRebalancing = false
  #rebalanceAt = 0

  constructor(eventLoop: EventLoop, tasks: number) {
    this.#eventLoop = eventLoop
    this.#tasks = tasks
    this.#expireMembers()
  }

  get generation(): number {
    return this.#generation
  }

  /** JoinGroup and SyncGroup: responds when all members have joined, or the others have timed out. */
  join(id: string | undefined, ownedTasks: readonly number[], process = ''): Promise<Assignment> {
    const known = id === undefined ? undefined : this.#members.get(id)
    if (id !== undefined && known === undefined) return Promise.reject(new UnknownMemberError())
    const member = known ?? {
      id: `member-${++this.#ids}`,
      process,
      ownedTasks,
      lastHeartbeatAt: this.#eventLoop.now,
      resolveJoin: undefined,
      reject: undefined,
    }
    this.#members.set(member.id, member)
    member.ownedTasks = ownedTasks
    member.lastHeartbeatAt = this.#eventLoop.now
    if (!this.#isRebalancing) {
      this.#isRebalancing = true
      this.#rebalanceAt = this.#eventLoop.now
    }
    return new Promise((resolve, reject) => {
      member.resolveJoin = resolve
      member.reject = () => reject(new UnknownMemberError())
      this.#completeIfAll()
    })
  }

  heartbeat(id: string, generation: number): 'ok' | 'rebalancing' {
    if (this.#misled.has(id)) return 'ok'
    const member = this.#members.get(id)
    if (member === undefined) throw new UnknownMemberError()
    member.lastHeartbeatAt = this.#eventLoop.now
    return this.#isRebalancing || generation !== this.#generation ? 'rebalancing' : 'ok'
  }

  /** The ids of the members, in the order in which they have joined. */
  get memberIds(): readonly string[] {
    return [...this.#members.keys()]
  }

  /** The group has another coordinator, which does not know a member. The former one still acknowledges its heartbeats. */
  mislead(id: string): void {
    const member = this.#members.get(id)
    if (member === undefined) return
    this.#misled.set(id, member)
    this.leave(id)
  }

  /** A former coordinator of the group acknowledges nothing any longer. */
  stopMisleading(id: string): void {
    const member = this.#misled.get(id)
    if (member !== undefined) this.#memberUntil.set(member.process, this.#eventLoop.now)
    this.#misled.delete(id)
  }

  /** Every former coordinator is gone. */
  stopMisleadingAll(): void {
    for (const id of [...this.#misled.keys()]) this.stopMisleading(id)
  }

  leave(id: string): void {
    if (this.#members.has(id)) this.#remove(id)
  }

  /** @returns the id of a process that is a member */
  memberOf(process: string): string | undefined {
    return [...this.#members.values()].find((member) => member.process === process)?.id
  }

  /** @returns when a heartbeat of a process would have been acknowledged last */
  lastMemberAt(process: string): number {
    const isMember = [...this.#members.values(), ...this.#misled.values()].some((each) => each.process === process)
    return isMember ? this.#eventLoop.now : (this.#memberUntil.get(process) ?? Number.NEGATIVE_INFINITY)
  }

  #remove(id: string): void {
    const removed = this.#members.get(id)
    removed?.reject?.()
    if (removed !== undefined) this.#memberUntil.set(removed.process, this.#eventLoop.now)
    this.#members.delete(id)
    this.#eventLoop.note(`group removes ${id}`)
    if (!this.#isRebalancing) {
      this.#isRebalancing = true
      this.#rebalanceAt = this.#eventLoop.now
    }
    this.#completeIfAll()
  }

  #expireMembers(): void {
    this.#eventLoop.schedule(EXPIRY_CHECK_MS, 'group checks its members', () => {
      const { now } = this.#eventLoop
      for (const { id, lastHeartbeatAt, resolveJoin } of [...this.#members.values()]) {
        const hasExpired = resolveJoin === undefined && now - lastHeartbeatAt > SESSION_MS
        const isLate = this.#isRebalancing && resolveJoin === undefined && now - this.#rebalanceAt > REBALANCE_MS
        if (hasExpired || isLate) this.#remove(id)
      }
      this.#expireMembers()
    })
  }

  #completeIfAll(): void {
    const members = [...this.#members.values()]
    if (!this.#isRebalancing || members.length === 0 || members.some(({ resolveJoin }) => resolveJoin === undefined))
      return
    this.#isRebalancing = false
    this.#generation++
    const assignments = assignSticky(members, this.#tasks)
    this.#eventLoop.note(`generation ${this.#generation} has ${members.length} members`)
    for (const member of members) {
      const { id, resolveJoin } = member
      member.resolveJoin = undefined
      member.reject = undefined
      member.lastHeartbeatAt = this.#eventLoop.now
      resolveJoin?.({ member: id, generation: this.#generation, tasks: assignments.get(id) ?? [] })
    }
  }
}
