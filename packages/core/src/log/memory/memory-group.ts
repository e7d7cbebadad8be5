import type { GroupMember, LogGroup, Membership } from '../contract.js'
import { assignSticky } from '../sticky-assignment.js'
import type { MemoryTopics } from './memory-topics.js'

interface Member {
  readonly id: number
  readonly callbacks: GroupMember
  assignment: readonly number[]
}

interface Group {
  readonly members: Map<number, Member>
  rebalancing: Promise<void>
  pending: number
}

/** Groups in memory, one for each application. Rebalances of a group run one after the other. */
export class MemoryGroups implements LogGroup {
  readonly #groups = new Map<string, Group>()
  readonly #topics: MemoryTopics
  #lastId = 0

  constructor(topics: MemoryTopics) {
    this.#topics = topics
  }

  async join(name: string, topics: readonly string[], callbacks: GroupMember): Promise<Membership> {
    const group: Group = this.#groups.get(name) ?? { members: new Map(), rebalancing: Promise.resolve(), pending: 0 }
    this.#groups.set(name, group)
    const partitions = this.#topics.get(topics[0] as string).info.partitions
    for (const topic of topics) this.#topics.get(topic).subscribe(name)
    const member: Member = { id: ++this.#lastId, callbacks, assignment: [] }
    const rebalance = () => this.#rebalance(group, partitions)
    group.members.set(member.id, member)
    await rebalance()
    return {
      verify: async () => {
        if (!group.members.has(member.id)) return 'lost'
        return group.pending > 0 ? 'rebalancing' : 'member'
      },
      leave: async () => {
        if (group.members.delete(member.id)) await rebalance()
      },
    }
  }

  #rebalance(group: Group, partitions: number): Promise<void> {
    group.pending++
    group.rebalancing = group.rebalancing.then(async () => {
      await Promise.all(Array.from(group.members.values(), (member) => revoke(group, member)))
      group.pending--
      if (group.pending > 0) return // the membership has changed again: assign once, after that rebalance
      const members = [...group.members.values()]
      const assignments = assignSticky(
        members.map(({ id, callbacks }) => ({ id: String(id), ownedTasks: callbacks.ownedTasks() })),
        partitions,
      )
      for (const member of members) {
        member.assignment = assignments.get(String(member.id)) ?? []
        member.callbacks.assigned(member.assignment)
      }
    })
    return group.rebalancing
  }
}

/** A member that fails to give up its tasks leaves the group, so that it does not block the others. */
async function revoke(group: Group, { id, callbacks }: Member): Promise<void> {
  try {
    await callbacks.revoked(callbacks.ownedTasks())
  } catch (error) {
    group.members.delete(id)
    callbacks.failed(error as Error)
  }
}
