import type { Claimant } from '@joinery/core'
import type { Service } from './service.js'

/** A service that crashes in the middle of the run and is started again. */
export class RestartableService {
  readonly #start: () => Promise<Service>
  readonly #onFailure: (error: unknown) => void
  #current: Service | undefined
  #endedAt = Number.NEGATIVE_INFINITY
  #restarting: Promise<void> | undefined

  constructor(start: () => Promise<Service>, onFailure: (error: unknown) => void) {
    this.#start = start
    this.#onFailure = onFailure
  }

  get service(): Service {
    if (this.#current === undefined) throw new Error('the service has not been started')
    return this.#current
  }

  async start(): Promise<void> {
    const service = await this.#start()
    service.closed.catch(this.#onFailure)
    this.#current = service
  }

  /** Ends it as a crash does, and starts it again; only once. */
  restart(): Promise<void> {
    this.#restarting ??= this.#restart()
    return this.#restarting
  }

  async #restart(): Promise<void> {
    await this.service.crash()
    this.#endedAt = Date.now()
    await this.start()
  }

  /** Whether a claimant is the process that crashed, which sends nothing more. */
  hasEnded({ startedAt }: Claimant): boolean {
    return startedAt < this.#endedAt
  }

  async close(): Promise<void> {
    await this.#restarting?.catch(() => {}) // the caller of `restart` handles it
    await this.#current?.close()
  }
}
