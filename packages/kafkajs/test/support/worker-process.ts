import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { PipelineMetrics } from '@joinery/core'

/** What a worker says of itself. */
export interface Report {
  readonly state: string
  readonly tasks: readonly string[]
  readonly totals: PipelineMetrics
}

/** A program of the fixtures, running. */
export class WorkerProcess {
  readonly #process: ChildProcess
  /** With which code, or by which signal. */
  readonly ended: Promise<number | string | null>
  #report: Report | undefined
  errors = ''

  constructor(program: string, env: Readonly<Record<string, string>>) {
    this.#process = spawn(process.execPath, [program], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.ended = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => resolve(code ?? signal))
    })
    const { stdout, stderr } = this.#process
    if (stdout !== null)
      createInterface(stdout).on('line', (line) => {
        this.#report = JSON.parse(line) as Report
      })
    stderr?.on('data', (chunk: Buffer) => {
      this.errors += chunk.toString()
    })
  }

  /** The latest; `undefined` before the first. */
  get report(): Report | undefined {
    if (this.errors !== '') throw new Error(`the worker says: ${this.errors}`)
    return this.#report
  }

  /** Whether it is stopped, by itself or from outside. */
  get isStopped(): boolean {
    const state = readFileSync(`/proc/${this.#process.pid}/stat`, 'utf8').replace(/^.*\) /s, '')[0]
    return state === 'T'
  }

  /** Ends it as nothing can be prepared for. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.ended
  }

  /** Stops it where it is; it does not notice. */
  freeze(): void {
    this.#process.kill('SIGSTOP')
  }

  /** Lets it go on. */
  thaw(): void {
    this.#process.kill('SIGCONT')
  }

  /** Makes it close. Returns its exit code. */
  async close(): Promise<number | string | null> {
    this.#process.kill('SIGTERM')
    return this.ended
  }
}
