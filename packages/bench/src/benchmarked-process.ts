import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { secondsOfProcesses } from './processor-time.js'

const READY = 'ready'

/** A program that is started, stopped or killed, and started again with the state that it left on disk. */
export class BenchmarkedProcess {
  readonly #command: string
  readonly #environment: Readonly<Record<string, string>>
  readonly #directory: string = mkdtempSync(join(tmpdir(), 'joinery-bench-'))
  #child: ChildProcess | undefined
  #startedAt = 0
  #readyAt: number | undefined
  readonly #killNow = (): void => void this.#child?.kill('SIGKILL')

  constructor(command: string, environment: Readonly<Record<string, string>>) {
    this.#command = command
    this.#environment = environment
    process.on('exit', this.#killNow)
  }

  start(): void {
    this.#startedAt = performance.now()
    this.#readyAt = undefined
    // exec, so that the signal kills the program itself and not the shell
    const child = spawn('/bin/bash', ['-c', `exec ${this.#command}`], {
      env: { ...process.env, ...this.#environment, STATE_DIR: this.#directory },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child = child
    createInterface({ input: child.stdout as Readable }).on('line', (line) => {
      if (line === READY && this.#child === child) this.#readyAt = performance.now()
    })
  }

  get pid(): number {
    return this.#child?.pid as number
  }

  /** When it was started, as `performance.now()`. */
  get startedAt(): number {
    return this.#startedAt
  }

  /** How long it took until it printed a line with the word `ready`; `undefined` if it did not. */
  get readyMs(): number | undefined {
    return this.#readyAt === undefined ? undefined : this.#readyAt - this.#startedAt
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** @returns the processor time of the running process, with all threads */
  cpuSeconds(): number {
    return secondsOfProcesses([this.pid])
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Stops it with SIGTERM. Its state stays on disk. */
  async terminate(): Promise<void> {
    await this.#end('SIGTERM')
  }

  /** Stops it with SIGTERM, and deletes its state. */
  async stop(): Promise<void> {
    await this.terminate()
    this.discard()
  }

  /** Kills it if it is running, and deletes its state. */
  discard(): void {
    this.#killNow()
    process.off('exit', this.#killNow)
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) throw new Error(`${this.#command} has exited unexpectedly`)
    const child = this.#child as ChildProcess
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
}
