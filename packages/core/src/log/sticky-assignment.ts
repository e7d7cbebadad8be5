/** A member of a group, and the tasks that it owns. */
export interface GroupMemberTasks {
  /** The member's id within the group. */
  readonly id: string
  /** The tasks that it owns now. */
  readonly ownedTasks: readonly number[]
}

/**
 * Assigns tasks 0 to `taskCount` - 1 evenly to members. Each member keeps as many of the tasks that it owns as its share
 * allows, so that as few tasks as possible move. The order of the members does not matter.
 *
 * @returns the assignment of each member, by id
 */
export function assignSticky(members: readonly GroupMemberTasks[], taskCount: number): Map<string, readonly number[]> {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1))
  const share = Math.floor(taskCount / sorted.length)
  let largerShares = taskCount % sorted.length
  const assigned = new Set<number>()
  const kept = sorted.map(({ id, ownedTasks }) => {
    const owned = [...new Set(ownedTasks)]
      .filter((task) => task >= 0 && task < taskCount && !assigned.has(task))
      .sort((a, b) => a - b)
    const quota = share + (largerShares > 0 ? 1 : 0)
    const tasks = owned.slice(0, quota)
    if (tasks.length > share) largerShares--
    for (const task of tasks) assigned.add(task)
    return { id, tasks }
  })
  const unassigned = Array.from({ length: taskCount }, (_, task) => task).filter((task) => !assigned.has(task))
  for (const member of kept)
    while (member.tasks.length < share && unassigned.length > 0) member.tasks.push(unassigned.shift() as number)
  for (const member of kept)
    if (unassigned.length > 0 && member.tasks.length === share) member.tasks.push(unassigned.shift() as number)
  return new Map(kept.map(({ id, tasks }) => [id, tasks.sort((a, b) => a - b)]))
}
