import type { GroupMember, LogGroup, Membership } from '@joinery/core/log'
import { type Network, NoResponseError } from '../brokers/network.js'
import { type Assignment, type SimGroup, UnknownMemberError } from '../brokers/sim-group.js'
import type { SimProcess } from './sim-process.js'

const HEARTBEAT_MS = 500
const SESSION_MS = 10_000
const JOIN_TIMEOUT_MS = 20_000
const RETRY_MS = 200

/** The client side of the group protocol: sends heartbeats, and rejoins after a rebalance or an expulsion. */
export class SimMembership implements Membership {
  readonly #process: SimProcess
  readonly #network: Network
  readonly #group: SimGroup
  readonly #member: GroupMember
  #assignment: Assignment | undefined
  #isLeaving = false
  #isRevoking = false
  /** When the last acknowledged heartbeat was sent. */
  #heartbeatAt = 0

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
        const sentAt = this.#process.eventLoop.now
        const memberId = id
        this.#assignment = await this.#call(
          'JoinGroup',
          () => this.#group.join(memberId, this.#member.ownedTasks(), this.#process.name),
          JOIN_TIMEOUT_MS,
        )
        if (this.#isLeaving) break
        id = this.#assignment.member
        this.#heartbeatAt = sentAt
        this.#member.assigned(this.#assignment.tasks)
        joined()
        if ((await this.#heartbeatUntilRebalance(this.#assignment)) === 'lost') {
          this.#assignment = undefined
          id = undefined
          if (!this.#isLeaving) this.#member.lost()
        } else if (!this.#isLeaving) await this.#revoke()
      } catch (error) {
        if (error instanceof UnknownMemberError) {
          id = undefined
          if (this.#assignment !== undefined) this.#member.lost()
          this.#assignment = undefined
        } else if (!(error instanceof NoResponseError)) throw error
        await this.#process.eventLoop.sleep(RETRY_MS, `${this.#process.name} rejoins`, this.#process)
      }
    }
  }

  async #revoke(): Promise<void> {
    this.#isRevoking = true
    await this.#member.revoked(this.#member.ownedTasks()).finally(() => {
      this.#isRevoking = false
    })
  }

  /** Resolves when a rebalance starts, or when the membership is lost. */
  async #heartbeatUntilRebalance(assignment: Assignment): Promise<'rebalancing' | 'lost'> {
    while (!this.#isLeaving) {
      await this.#process.eventLoop.sleep(HEARTBEAT_MS, `${this.#process.name} heartbeats`, this.#process)
      const outcome = await this.#heartbeat(assignment)
      if (outcome === 'rebalancing' || outcome === 'lost') return outcome
      if (this.#process.eventLoop.now - this.#heartbeatAt > (SESSION_MS * 2) / 3) return 'lost'
    }
    return 'rebalancing'
  }

  async #heartbeat({ member, generation }: Assignment): Promise<'ok' | 'rebalancing' | 'lost' | 'unknown'> {
    const sentAt = this.#process.eventLoop.now
    try {
      const response = await this.#call('Heartbeat', () => this.#group.heartbeat(member, generation))
      if (response === 'ok') this.#heartbeatAt = Math.max(this.#heartbeatAt, sentAt)
      return response
    } catch (error) {
      if (error instanceof UnknownMemberError) return 'lost'
      if (error instanceof NoResponseError) return 'unknown'
      throw error
    }
  }

  async verify(): Promise<'member' | 'rebalancing' | 'lost'> {
    const assignment = this.#assignment
    if (assignment === undefined) return 'lost'
    const outcome = await this.#heartbeat(assignment)
    if (outcome === 'ok') return 'member'
    return outcome === 'lost' ? 'lost' : 'rebalancing'
  }

  /** Like {@link verify}, also while tasks are revoked. */
  async verifyForCommit(): Promise<'member' | 'rebalancing' | 'lost'> {
    const result = await this.verify()
    return result === 'rebalancing' && this.#isRevoking ? 'member' : result
  }

  async leave(): Promise<void> {
    this.#isLeaving = true
    const assignment = this.#assignment
    if (assignment === undefined) return
    await this.#call('LeaveGroup', () => this.#group.leave(assignment.member)).catch(() => {}) // the session expires anyway
  }

  #call<T>(label: string, execute: () => T | Promise<T>, timeoutMs?: number): Promise<T> {
    const { name } = this.#process
    // the group's coordinator cannot be reached, and the other brokers can
    const ask = () => (this.#network.withoutGroup.has(name) ? new Promise<T>(() => {}) : execute())
    return this.#network.call(this.#process, `${name} ${label}`, ask, timeoutMs)
  }
}

/** The groups as one process sees them. */
export interface SimGroups extends LogGroup {
  /** Whether the process may commit as a member now; it may if it has not joined. */
  verify(): ReturnType<Membership['verify']>
}

export function simGroups(process: SimProcess, network: Network, group: SimGroup): SimGroups {
  let membership: SimMembership | undefined
  return {
    join: (_name, _topics, member) =>
      new Promise((resolve) => {
        const joining = new SimMembership(process, network, group, member)
        membership = joining
        void joining.run(() => resolve(joining))
      }),
    verify: async () => membership?.verifyForCommit() ?? 'member',
  }
}
