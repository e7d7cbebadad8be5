import type { GroupMember, LogGroup, Membership } from '@joinery/core/log'
import { type Network, NoAnswer } from '../brokers/network.js'
import { type Assignment, type SimGroup, UnknownMember } from '../brokers/sim-group.js'
import type { SimProcess } from './sim-process.js'

const HEARTBEAT_MS = 500
const SESSION_MS = 10_000
const JOIN_TIMEOUT_MS = 20_000
const RETRY_MS = 200

/** A process' side of the group: heartbeats, and joining anew whenever it is told to or was forgotten. */
export class SimMembership implements Membership {
  readonly #process: SimProcess
  readonly #network: Network
  readonly #group: SimGroup
  readonly #member: GroupMember
  #assignment: Assignment | undefined
  #isLeaving = false
  /** When the last acknowledged heartbeat was sent. */
  #provenAt = 0

  constructor(process: SimProcess, network: Network, group: SimGroup, member: GroupMember) {
    this.#process = process
    this.#network = network
    this.#group = group
    this.#member = member
  }

  async run(joined: () => void): Promise<void> {
    let id: string | undefined
    while (!this.#isLeaving) {
      try {
        const sentAt = this.#process.world.now
        const mine = id
        this.#assignment = await this.#call(
          'JoinGroup',
          () => this.#group.join(mine, this.#member.ownedTasks()),
          JOIN_TIMEOUT_MS,
        )
        if (this.#isLeaving) break
        id = this.#assignment.member
        this.#provenAt = sentAt
        this.#member.assigned(this.#assignment.tasks)
        joined()
        if ((await this.#stay(this.#assignment)) === 'lost') {
          this.#assignment = undefined
          id = undefined
          if (!this.#isLeaving) this.#member.lost()
        } else if (!this.#isLeaving) await this.#member.revoked(this.#member.ownedTasks())
      } catch (error) {
        if (error instanceof UnknownMember) {
          id = undefined
          if (this.#assignment !== undefined) this.#member.lost()
          this.#assignment = undefined
        } else if (!(error instanceof NoAnswer)) throw error
        await this.#process.world.sleep(RETRY_MS, `${this.#process.name} joins again`, this.#process)
      }
    }
  }

  /** Until a rebalance, or the membership is over. */
  async #stay(assignment: Assignment): Promise<'rebalancing' | 'lost'> {
    while (!this.#isLeaving) {
      await this.#process.world.sleep(HEARTBEAT_MS, `${this.#process.name} heartbeats`, this.#process)
      const beat = await this.#beat(assignment)
      if (beat === 'rebalancing' || beat === 'lost') return beat
      if (this.#process.world.now - this.#provenAt > (SESSION_MS * 2) / 3) return 'lost'
    }
    return 'rebalancing'
  }

  async #beat({ member, generation }: Assignment): Promise<'ok' | 'rebalancing' | 'lost' | 'unknown'> {
    const sentAt = this.#process.world.now
    try {
      const answer = await this.#call('Heartbeat', () => this.#group.heartbeat(member, generation))
      if (answer === 'ok') this.#provenAt = Math.max(this.#provenAt, sentAt)
      return answer
    } catch (error) {
      if (error instanceof UnknownMember) return 'lost'
      if (error instanceof NoAnswer) return 'unknown'
      throw error
    }
  }

  async verify(): Promise<'member' | 'rebalancing' | 'lost'> {
    const assignment = this.#assignment
    if (assignment === undefined) return 'lost'
    const beat = await this.#beat(assignment)
    if (beat === 'ok') return 'member'
    return beat === 'lost' ? 'lost' : 'rebalancing'
  }

  async leave(): Promise<void> {
    this.#isLeaving = true
    const assignment = this.#assignment
    if (assignment === undefined) return
    await this.#call('LeaveGroup', () => this.#group.leave(assignment.member)).catch(() => {}) // the session ends by itself
  }

  #call<T>(label: string, execute: () => T | Promise<T>, timeoutMs?: number): Promise<T> {
    return this.#network.call(this.#process, `${this.#process.name} ${label}`, execute, timeoutMs)
  }
}

/** Groups as one process sees them. */
export function simGroups(process: SimProcess, network: Network, group: SimGroup): LogGroup {
  return {
    join: (_name, _topics, member) =>
      new Promise((resolve) => {
        const membership = new SimMembership(process, network, group, member)
        void membership.run(() => resolve(membership))
      }),
  }
}
