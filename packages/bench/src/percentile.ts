/**
 * @param sorted in ascending order
 * @returns the smallest value that at least `share` of all values do not exceed; `undefined` if there are none
 */
export function percentile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
}
