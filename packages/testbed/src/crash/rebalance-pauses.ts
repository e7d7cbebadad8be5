/** A change of a group's members, with the owners of tasks before and after it. */
export interface Rebalance {
  /** Milliseconds since the epoch. */
  readonly from: number
  /** When the last member had its assignment. A pause that starts later has another cause, such as a kill. */
  readonly to: number
  readonly before: ReadonlyMap<number, string>
  readonly after: ReadonlyMap<number, string>
}

/**
 * The pause of each task in each rebalance, in milliseconds: the longest time between two commits that overlaps the rebalance. Under
 * steady traffic, every commit has outputs.
 *
 * @param commits when each task committed
 */
export function taskPauses(
  rebalances: readonly Rebalance[],
  commits: readonly (readonly number[])[],
): { readonly moved: readonly number[]; readonly stayed: readonly number[] } {
  const moved: number[] = []
  const stayed: number[] = []
  for (const { from, to, before, after } of rebalances) {
    for (const [task, times] of commits.entries()) {
      const gaps = times.slice(1).map((at, i) => ({ from: times[i] as number, to: at }))
      const touching = gaps.filter((gap) => gap.to > from && gap.from < to).map((gap) => gap.to - gap.from)
      ;(before.get(task) === after.get(task) ? stayed : moved).push(Math.max(...touching))
    }
  }
  return { moved, stayed }
}
