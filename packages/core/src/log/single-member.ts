import { JoineryError } from '../errors.js'
import type { LogGroup, LogSource, Membership } from './contract.js'

/**
 * Creates groups with a single member, to which all tasks are assigned. It prevents a second run of an application in this
 * process. Make sure that no other process runs the same application.
 *
 * @param source describes the inputs, whose partition count is the number of tasks
 * @returns layer 3 of a log
 */
export function singleMember(source: Pick<LogSource, 'describe'>): LogGroup {
  const members = new Set<string>()
  return {
    async join(group, topics, member): Promise<Membership> {
      if (members.has(group))
        throw new JoineryError(
          'OPTION_INVALID',
          `${group} already runs on this log, whose groups have a single member: close it first, or use another name`,
        )
      members.add(group)
      let isMember = true
      const leave = async () => {
        if (isMember) members.delete(group)
        isMember = false
      }
      try {
        const [info] = await source.describe(topics)
        member.assigned(Array.from({ length: info?.partitions ?? 0 }, (_, task) => task))
      } catch (error) {
        await leave()
        throw error
      }
      return { verify: async () => (isMember ? 'member' : 'lost'), leave }
    },
  }
}
