import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const TICKS_PER_SECOND = 100

/** A program that is started, killed, and started again with the state that it left on disk. */
export class BenchmarkedProcess {
  readonly #command: string
  readonly #environment: Readonly<Record<string, string>>
  readonly #directory: string = mkdtempSync(join(tmpdir(), 'joinery-bench-'))
  #child: ChildProcess | undefined
  readonly #killNow = (): void => void this.#child?.kill('SIGKILL')

  constructor(command: string, environment: Readonly<Record<string, string>>) {
    this.#command = command
    this.#environment = environment
    process.on('exit', this.#killNow)
  }

  start(): void {
    // exec, so that the signal kills the program itself and not the shell
    this.#child = spawn('/bin/bash', ['-c', `exec ${this.#command}`], {
      env: { ...process.env, ...this.#environment, STATE_DIR: this.#directory },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  }

  /** @returns the processor time of the running process, with all threads */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#child?.pid}/stat`, 'utf8')
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
    return (Number(user) + Number(system)) / TICKS_PER_SECOND
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
    process.off('exit', this.#killNow)
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child as ChildProcess
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`${this.#command} has exited unexpectedly`)
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}
