import { assignSticky } from '@joinery/core/log'
import type { Assigner } from 'kafkajs'
import { AssignerProtocol } from '../kafkajs/assigner-protocol.js'

const NAME = 'joinery-sticky'
const VERSION = 0
const NOTHING = Buffer.alloc(0)

/**
 * Assigns partition p of all topics to one member, and leaves tasks where they are as far as balance allows.
 *
 * @param ownedTasks the tasks that this member owns now
 */
export function stickyAssigner(partitionsOf: (topic: string) => number, ownedTasks: () => readonly number[]): Assigner {
  return {
    name: NAME,
    version: VERSION,
    protocol: ({ topics }) => ({
      name: NAME,
      metadata: AssignerProtocol.MemberMetadata.encode({
        version: VERSION,
        topics,
        userData: Buffer.from(JSON.stringify(ownedTasks())),
      }),
    }),
    async assign({ members, topics }) {
      const holders = members.map(({ memberId, memberMetadata }) => ({
        id: memberId,
        ownedTasks: ownedTasksOf(memberMetadata),
      }))
      // topics with unequal counts are rejected before any member joins; an error thrown here would end the consumer silently
      const tasks = Math.min(...topics.map(partitionsOf))
      const assignments = assignSticky(holders, Number.isFinite(tasks) ? tasks : 0)
      return members.map(({ memberId }) => {
        const mine = [...(assignments.get(memberId) ?? [])]
        const assignment = Object.fromEntries(topics.map((topic) => [topic, mine]))
        return {
          memberId,
          memberAssignment: AssignerProtocol.MemberAssignment.encode({
            version: VERSION,
            assignment,
            userData: NOTHING,
          }),
        }
      })
    },
  }
}

function ownedTasksOf(metadata: Buffer): number[] {
  try {
    const parsed: unknown = JSON.parse(AssignerProtocol.MemberMetadata.decode(metadata)?.userData.toString() ?? '[]')
    return Array.isArray(parsed) ? parsed.filter((task) => Number.isSafeInteger(task)) : []
  } catch {
    return [] // a member of another version: its tasks are unknown
  }
}

/** @returns the tasks in an assignment: the partitions of all topics that the member subscribes to */
export function assignedTasks(assignment: Buffer, topic: string): readonly number[] {
  if (assignment.length === 0) return []
  return AssignerProtocol.MemberAssignment.decode(assignment)?.assignment[topic] ?? []
}
