import { assignSticky } from '@joinery/core/log'
import type { World } from '../world.js'

/** What a join answers. */
export interface Assignment {
  readonly member: string
  readonly generation: number
  readonly tasks: readonly number[]
}

interface Member {
  readonly id: string
  ownedTasks: readonly number[]
  heardAt: number
  /** Waits for the generation to be complete. */
  joining: ((assignment: Assignment) => void) | undefined
  refuse: (() => void) | undefined
}

const SESSION_MS = 10_000
const REBALANCE_MS = 8_000
const CHECK_MS = 500

/** A member that the group does not know, or not any more. */
export class UnknownMember extends Error {}

/** The coordinator of one consumer group: generations, sessions that expire, and an assignor that keeps tasks in place. */
export class SimGroup {
  readonly #world: World
  readonly #tasks: number
  readonly #members = new Map<string, Member>()
  #generation = 0
  #ids = 0
  #isRebalancing = false
  #rebalanceAt = 0

  constructor(world: World, tasks: number) {
    this.#world = world
    this.#tasks = tasks
    this.#check()
  }

  get generation(): number {
    return this.#generation
  }

  /** JoinGroup and SyncGroup: answers when all have joined, or the others were waited for long enough. */
  join(id: string | undefined, ownedTasks: readonly number[]): Promise<Assignment> {
    const known = id === undefined ? undefined : this.#members.get(id)
    if (id !== undefined && known === undefined) return Promise.reject(new UnknownMember())
    const member = known ?? {
      id: `member-${++this.#ids}`,
      ownedTasks,
      heardAt: this.#world.now,
      joining: undefined,
      refuse: undefined,
    }
    this.#members.set(member.id, member)
    member.ownedTasks = ownedTasks
    member.heardAt = this.#world.now
    if (!this.#isRebalancing) {
      this.#isRebalancing = true
      this.#rebalanceAt = this.#world.now
    }
    return new Promise((resolve, reject) => {
      member.joining = resolve
      member.refuse = () => reject(new UnknownMember())
      this.#completeIfAll()
    })
  }

  heartbeat(id: string, generation: number): 'ok' | 'rebalancing' {
    const member = this.#members.get(id)
    if (member === undefined) throw new UnknownMember()
    member.heardAt = this.#world.now
    return this.#isRebalancing || generation !== this.#generation ? 'rebalancing' : 'ok'
  }

  leave(id: string): void {
    if (this.#members.has(id)) this.#remove(id)
  }

  #remove(id: string): void {
    this.#members.get(id)?.refuse?.()
    this.#members.delete(id)
    this.#world.note(`group loses ${id}`)
    if (!this.#isRebalancing) {
      this.#isRebalancing = true
      this.#rebalanceAt = this.#world.now
    }
    this.#completeIfAll()
  }

  #check(): void {
    this.#world.after(CHECK_MS, 'group looks after its members', () => {
      const { now } = this.#world
      for (const { id, heardAt, joining } of [...this.#members.values()]) {
        const isSilent = joining === undefined && now - heardAt > SESSION_MS
        const isLate = this.#isRebalancing && joining === undefined && now - this.#rebalanceAt > REBALANCE_MS
        if (isSilent || isLate) this.#remove(id)
      }
      this.#check()
    })
  }

  #completeIfAll(): void {
    const members = [...this.#members.values()]
    if (!this.#isRebalancing || members.length === 0 || members.some(({ joining }) => joining === undefined)) return
    this.#isRebalancing = false
    this.#generation++
    const assignments = assignSticky(members, this.#tasks)
    this.#world.note(`generation ${this.#generation} has ${members.length} members`)
    for (const member of members) {
      const { id, joining } = member
      member.joining = undefined
      member.refuse = undefined
      member.heardAt = this.#world.now
      joining?.({ member: id, generation: this.#generation, tasks: assignments.get(id) ?? [] })
    }
  }
}
