const INTERVAL_MS = 50

/**
 * Evaluates a condition periodically.
 *
 * @returns whether it became true within `withinMs`
 */
export async function poll(condition: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > end) return false
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS))
  }
  return true
}
