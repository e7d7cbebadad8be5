import { spawn } from 'node:child_process'

const GUARD = `
process.stdin.resume().on('end', () => require('node:child_process').spawnSync(process.argv[1], process.argv.slice(2)))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})
`

/**
 * Runs a command when this process ends for any reason, including SIGKILL: a small guard process notices that its standard input is
 * closed. If this process is a worker, the command also runs when its parent ends.
 *
 * @returns cancels it
 */
export function whenParentEnds(command: string, args: readonly string[]): () => void {
  const guard = spawn(process.execPath, ['-e', GUARD, command, ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // an interrupt from the terminal ends the whole process group, but not the guard
  })
  guard.unref()
  const { stdin } = guard
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  // a worker may outlive its parent for a long time
  const abandoned = () => stdin.end()
  if (process.connected) process.once('disconnect', abandoned)
  return () => {
    process.off('disconnect', abandoned)
    guard.kill('SIGKILL')
  }
}
