import type { Claimant } from '@joinery/core'
import type { Service } from './service.js'

/** Service B, which is stopped in the middle and started again: one service after the other. */
export class ServiceB {
  readonly #start: () => Promise<Service>
  readonly #failed: (error: unknown) => void
  #current: Service | undefined
  #endedAt = Number.NEGATIVE_INFINITY
  #restarting: Promise<void> | undefined

  constructor(start: () => Promise<Service>, failed: (error: unknown) => void) {
    this.#start = start
    this.#failed = failed
  }

  get service(): Service {
    if (this.#current === undefined) throw new Error('service B has not been started')
    return this.#current
  }

  async start(): Promise<void> {
    const service = await this.#start()
    service.closed.catch(this.#failed)
    this.#current = service
  }

  /** Ends it as a crash does, and starts it again. */
  restart(): Promise<void> {
    this.#restarting ??= this.#restart()
    return this.#restarting
  }

  async #restart(): Promise<void> {
    await this.service.crash()
    this.#endedAt = Date.now()
    await this.start()
  }

  /** Whether a claimant is the one that was ended: it sends nothing more. */
  hasEnded({ startedAt }: Claimant): boolean {
    return startedAt < this.#endedAt
  }

  async close(): Promise<void> {
    await this.#restarting?.catch(() => {}) // who asked for it was told
    await this.#current?.close()
  }
}
