import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Metrics } from '@joinery/core'
import type { Service } from './service.js'
import type { ServiceOrder, ServiceReport } from './service-messages.js'

/** Starts a service as a separate process; its crash is SIGKILL. */
export function startProcess(order: ServiceOrder): Service {
  const child = fork(new URL('./service-child.js', import.meta.url), [JSON.stringify(order)], {
    detached: process.platform !== 'win32', // a terminal's Ctrl-C reaches the demo alone, which closes it
  })
  return new ServiceProcess(child)
}

class ServiceProcess implements Service {
  readonly ready: Promise<void>
  readonly closed: Promise<void>
  readonly #child: ChildProcess
  #lastMetrics: Metrics | undefined
  #isKilled = false
  #failure: string | undefined
  #waitingForMetrics: (() => void)[] = []

  constructor(child: ChildProcess) {
    this.#child = child
    let isReady: () => void = () => {}
    const running = new Promise<void>((resolve) => {
      isReady = resolve
    })
    child.on('message', (report: ServiceReport) => {
      if ('failed' in report) this.#failure = report.failed
      else if ('ready' in report) isReady()
      else {
        this.#lastMetrics = report.metrics
        this.#resolveMetrics()
      }
    })
    this.closed = once(child, 'exit').then(([code, signal]) => {
      this.#resolveMetrics()
      if (!this.#isKilled && code !== 0)
        throw new Error(`a service ended with ${signal ?? code}: ${this.#failure ?? 'it reported no error'}`)
    })
    this.ready = Promise.race([running, this.closed])
    this.ready.catch(() => {}) // handled where they are awaited
    this.closed.catch(() => {})
  }

  #resolveMetrics(): void {
    for (const resolve of this.#waitingForMetrics) resolve()
    this.#waitingForMetrics = []
  }

  async metrics(): Promise<Metrics> {
    if (this.#child.connected)
      await new Promise<void>((resolve) => {
        this.#waitingForMetrics.push(resolve)
        this.#child.send('metrics', (error) => {
          if (error !== null) resolve() // it has just ended
        })
      })
    if (this.#lastMetrics === undefined) throw new Error('a service has ended without reporting its metrics')
    return this.#lastMetrics
  }

  async close(): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.closed
  }

  async crash(): Promise<void> {
    this.#isKilled = true
    this.#child.kill('SIGKILL')
    await this.closed
  }
}
