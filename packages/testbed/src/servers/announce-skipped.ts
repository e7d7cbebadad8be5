/**
 * Says what is not tested because a server is missing, in words that nobody overlooks.
 *
 * @throws the same words in CI, where everything has to be there
 */
export function announceSkipped(message: string): void {
  if (process.env.CI === 'true') throw new Error(message)
  process.stderr.write(`\n${'!'.repeat(80)}\n${message}\n${'!'.repeat(80)}\n\n`)
}
