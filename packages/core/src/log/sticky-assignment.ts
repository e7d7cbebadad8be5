/** A member of a group, and the tasks that it holds. */
export interface GroupMemberTasks {
  /** Identity within the group. */
  readonly id: string
  /** Tasks that it has now. */
  readonly ownedTasks: readonly number[]
}

/**
 * Spreads tasks 0 to `tasks` - 1 evenly over members. Each keeps as many of the tasks that it holds as its share
 * allows, so that as few as possible move. The order of the members does not matter.
 */
export function assignSticky(members: readonly GroupMemberTasks[], tasks: number): Map<string, readonly number[]> {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1))
  const share = Math.floor(tasks / sorted.length)
  let larger = tasks % sorted.length
  const taken = new Set<number>()
  const kept = sorted.map(({ id, ownedTasks }) => {
    const mine = [...new Set(ownedTasks)]
      .filter((task) => task >= 0 && task < tasks && !taken.has(task))
      .sort((a, b) => a - b)
    const most = share + (larger > 0 ? 1 : 0)
    const keep = mine.slice(0, most)
    if (keep.length > share) larger--
    for (const task of keep) taken.add(task)
    return { id, tasks: keep }
  })
  const free = Array.from({ length: tasks }, (_, task) => task).filter((task) => !taken.has(task))
  for (const member of kept)
    while (member.tasks.length < share && free.length > 0) member.tasks.push(free.shift() as number)
  for (const member of kept)
    if (free.length > 0 && member.tasks.length === share) member.tasks.push(free.shift() as number)
  return new Map(kept.map(({ id, tasks }) => [id, tasks.sort((a, b) => a - b)]))
}
