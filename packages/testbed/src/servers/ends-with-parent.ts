import { spawn } from 'node:child_process'

const GUARD = `
process.stdin.resume().on('end', () => require('node:child_process').spawnSync(process.argv[1], process.argv.slice(2)))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})
`

/**
 * Runs a command when this process ends, in whatever way: a small guard process sees its standard input close, which
 * even SIGKILL does. Also when this is a worker and its master ends. Answers how to call it off.
 */
export function whenParentEnds(command: string, args: readonly string[]): () => void {
  const guard = spawn(process.execPath, ['-e', GUARD, command, ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // an interrupt of the terminal ends the whole group: not the guard
  })
  guard.unref()
  const { stdin } = guard
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  // a worker whose master has gone may go on for long
  const abandoned = () => stdin.end()
  if (process.connected) process.once('disconnect', abandoned)
  return () => {
    process.off('disconnect', abandoned)
    guard.kill('SIGKILL')
  }
}
