/**
 * Announces prominently what is not tested because a server is missing.
 *
 * @throws an error with the same text in CI, where nothing may be missing
 */
export function announceSkipped(message: string): void {
  if (process.env.CI === 'true') throw new Error(message)
  process.stderr.write(`\n${'!'.repeat(80)}\n${message}\n${'!'.repeat(80)}\n\n`)
}
