import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { PipelineMetrics } from '@joinery/core'

/** The status of a worker. */
export interface Report {
  readonly state: string
  readonly tasks: readonly string[]
  readonly totals: PipelineMetrics
  /** How often a function has blocked the event loop, in workers whose functions do so. */
  readonly blocks?: number
}

/** A running program of the fixtures. */
export class WorkerProcess {
  readonly #process: ChildProcess
  /** Resolves with the exit code or the signal. */
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
    if (this.errors !== '') throw new Error(`the worker reports: ${this.errors}`)
    return this.#report
  }

  /** Whether the process is stopped (SIGSTOP). */
  get isStopped(): boolean {
    const state = readFileSync(`/proc/${this.#process.pid}/stat`, 'utf8').replace(/^.*\) /s, '')[0]
    return state === 'T'
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.ended
  }

  /** SIGSTOP: it is suspended without noticing. */
  freeze(): void {
    this.#process.kill('SIGSTOP')
  }

  /** SIGCONT. */
  thaw(): void {
    this.#process.kill('SIGCONT')
  }

  /** Makes it close. Returns its exit code. */
  async close(): Promise<number | string | null> {
    this.#process.kill('SIGTERM')
    return this.ended
  }
}
