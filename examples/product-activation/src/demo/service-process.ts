import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Metrics } from '@joinery/core'
import type { ServiceAnswer, ServiceOrder } from '../service-main.js'
import type { Service } from './service.js'

/** Starts a service as a process of its own; a crash is SIGKILL. */
export function startProcess(order: ServiceOrder): Service {
  const child = fork(new URL('./service-main.js', import.meta.url), [JSON.stringify(order)], {
    detached: process.platform !== 'win32', // a terminal's Ctrl-C reaches the demo alone, which closes it
  })
  return new ServiceProcess(child)
}

class ServiceProcess implements Service {
  readonly ready: Promise<void>
  readonly closed: Promise<void>
  readonly #child: ChildProcess
  #last: Metrics | undefined
  #isKilled = false
  #failure: string | undefined
  #asked: (() => void)[] = []

  constructor(child: ChildProcess) {
    this.#child = child
    let isReady: () => void = () => {}
    const running = new Promise<void>((resolve) => {
      isReady = resolve
    })
    child.on('message', (answer: ServiceAnswer) => {
      if ('failed' in answer) this.#failure = answer.failed
      else if ('ready' in answer) isReady()
      else {
        this.#last = answer.metrics
        this.#answered()
      }
    })
    this.closed = once(child, 'exit').then(([code, signal]) => {
      this.#answered()
      if (!this.#isKilled && code !== 0)
        throw new Error(`a service ended with ${signal ?? code}: ${this.#failure ?? 'it did not say why'}`)
    })
    this.ready = Promise.race([running, this.closed])
    this.ready.catch(() => {}) // whoever looks at them is told
    this.closed.catch(() => {})
  }

  #answered(): void {
    for (const answer of this.#asked) answer()
    this.#asked = []
  }

  async metrics(): Promise<Metrics> {
    if (this.#child.connected)
      await new Promise<void>((resolve) => {
        this.#asked.push(resolve)
        this.#child.send('metrics', (error) => {
          if (error !== null) resolve() // it has just ended
        })
      })
    if (this.#last === undefined) throw new Error('a service has ended without telling its figures')
    return this.#last
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
