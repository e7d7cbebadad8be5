/** A change of a group's members, and who ran which task before and after it. */
export interface Rebalance {
  /** Milliseconds since the epoch. */
  readonly from: number
  /** When the last member had its share: a silence that begins later is of what came then, such as a kill. */
  readonly to: number
  readonly before: ReadonlyMap<number, string>
  readonly after: ReadonlyMap<number, string>
}

/**
 * How long each task was silent in each rebalance, in milliseconds: the longest time between two commits, of those that
 * touch it. Under steady traffic each commit has outputs.
 *
 * @param commits when each task committed
 */
export function silences(
  rebalances: readonly Rebalance[],
  commits: readonly (readonly number[])[],
): { readonly moved: readonly number[]; readonly kept: readonly number[] } {
  const moved: number[] = []
  const kept: number[] = []
  for (const { from, to, before, after } of rebalances) {
    for (const [task, times] of commits.entries()) {
      const gaps = times.slice(1).map((at, i) => ({ from: times[i] as number, to: at }))
      const touching = gaps.filter((gap) => gap.to > from && gap.from < to).map((gap) => gap.to - gap.from)
      ;(before.get(task) === after.get(task) ? kept : moved).push(Math.max(...touching))
    }
  }
  return { moved, kept }
}
