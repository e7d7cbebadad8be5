import { JoineryError } from '../errors.js'
import type { LogGroup, LogSource, Membership } from './contract.js'

/**
 * A group of one: whoever joins has all tasks. It keeps a second run of an application in this process out; that no other
 * process runs it is for you to see to.
 *
 * @param source tells how many partitions there are
 */
export function singleMember(source: Pick<LogSource, 'describe'>): LogGroup {
  const members = new Set<string>()
  return {
    async join(group, topics, member): Promise<Membership> {
      if (members.has(group))
        throw new JoineryError(
          'OPTION_INVALID',
          `${group} runs on this log already, whose groups have a single member: close it first, or use another name`,
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
