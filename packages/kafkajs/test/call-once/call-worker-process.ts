import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { PipelineMetrics } from '@joinery/core'
import type { Answer, FromWorker, Place, ToWorker, WorkerOptions } from './worker-messages.js'

/** Decides how a worker continues at a place; it is blocked until then. */
export type Script = (
  place: Place,
  n: string,
  worker: CallWorkerProcess,
) => Answer | undefined | Promise<Answer | undefined>

/** A running worker. */
export class CallWorkerProcess {
  readonly #child: ChildProcess
  /** Resolves with the exit code or the signal. */
  readonly ended: Promise<number | string | null>
  readonly #events = new Set<string>()
  #totals: PipelineMetrics | undefined
  #failed: string | undefined
  #latest = ''
  errors = ''

  /** @param trace receives its messages, for the analysis of failures */
  constructor(program: string, options: WorkerOptions, script: Script, trace: (line: string) => void) {
    this.#child = fork(program, [], {
      env: { ...process.env, WORKER: JSON.stringify(options) },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        trace(`ended with ${code ?? signal}`)
        resolve(code ?? signal)
      })
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.errors += chunk.toString()
    })
    this.#child.on('message', async (message: FromWorker) => {
      if ('totals' in message) this.#latest = JSON.stringify(message)
      else trace(JSON.stringify(message))
      if ('event' in message) this.#events.add(message.event)
      else if ('totals' in message) this.#totals = message.totals
      else if ('failed' in message) this.#failed = message.failed
      else this.#send({ ask: message.ask, answer: (await script(message.place, message.n, this)) ?? {} })
    })
  }

  /** Whether it runs, with or without a task. */
  get isReady(): boolean {
    if (this.errors !== '') throw new Error(`the worker reports: ${this.errors}`)
    return this.#events.has('ready')
  }

  /** Whether a task was opened and restored. */
  get hasTask(): boolean {
    return this.#events.has('restored')
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  get isClosing(): boolean {
    return this.#events.has('closing')
  }

  /** The error that stopped it. */
  get failed(): string | undefined {
    return this.#failed
  }

  /** Whether it is frozen. */
  get isStopped(): boolean {
    const state = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8').replace(/^.*\) /s, '')[0]
    return state === 'T'
  }

  /** Its latest totals; requests newer ones. */
  get totals(): PipelineMetrics | undefined {
    this.#send('totals')
    return this.#totals
  }

  /** Its totals, gauges and health as text; requests newer ones. */
  get figures(): string {
    this.#send('totals')
    return this.#latest
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.ended
  }

  /** SIGSTOP: it is suspended without noticing. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  /** SIGCONT. */
  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  /** SIGTERM: it closes gracefully. */
  close(): void {
    this.#child.kill('SIGTERM')
  }

  #send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => {}) // it may just have been killed
  }
}
