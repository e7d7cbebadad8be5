import { spawn } from 'node:child_process'

/** The outcome of one run of the simulator. */
export interface MutantRun {
  /** Whether the simulator found a violation, failed, or timed out. */
  readonly isKilled: boolean
  /** The first seed that fails. */
  readonly seed: number | undefined
  readonly output: string
}

/**
 * Runs a program that `buildMutant` or `buildOriginal` made. A run that times out counts as killed.
 *
 * @param args the simulator's arguments
 */
export function runMutant(program: string, args: readonly string[], timeoutMs: number): Promise<MutantRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const append = (text: Buffer) => {
      output += text.toString()
    }
    child.stdout.on('data', append)
    child.stderr.on('data', append)
    let hasTimedOut = false
    const timer = setTimeout(() => {
      hasTimedOut = true
      child.kill('SIGKILL')
    }, timeoutMs)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (signal !== null && !hasTimedOut) reject(new Error(`the run was ended by ${signal}`))
      const found = /^seed (\d+):/m.exec(output)
      resolve({ isKilled: code !== 0, seed: found === null ? undefined : Number(found[1]), output })
    })
  })
}
