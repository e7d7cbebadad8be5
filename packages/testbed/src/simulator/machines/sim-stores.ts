import { JoineryError } from '@joinery/core'
import type { Change, StateStore, StateStores } from '@joinery/core/store'
import { keyText } from '@joinery/core/store'
import type { SimDisk, StoredState } from './sim-disk.js'
import type { SimProcess } from './sim-process.js'

/** How often a call that hangs looks whether its store responds again. */
const HANG_STEP_MS = 250

/** How often the stores misbehave. */
export interface StoreFaultRates {
  /** The share of calls that fail. */
  failures: number
  /** The share of calls that take very long. */
  stalls: number
  /** The processes whose stores do not respond. */
  readonly hanging: Set<string>
}

/** Stores with latency. Calls fail or stall, and a crash during a commit leaves part of its changes. */
export function simStores(process: SimProcess, disk: SimDisk, storeFaultRates: StoreFaultRates): StateStores {
  return {
    async open({ application, name, partition, token }) {
      const state = disk.state(`${application}/${name}/${partition}`)
      if (token < state.token) throw fenced(name)
      state.open(token)
      return new SimStore(process, name, state, token, storeFaultRates)
    },
  }
}

const fenced = (name: string): JoineryError =>
  new JoineryError('STORE_FENCED', `store ${name} has a later owner`, { retriable: true })

class SimStore implements StateStore {
  readonly #process: SimProcess
  readonly #name: string
  readonly #state: StoredState
  readonly #token: number
  readonly #faultRates: StoreFaultRates
  readonly #incarnation: number
  #isClosed = false

  constructor(process: SimProcess, name: string, state: StoredState, token: number, storeFaultRates: StoreFaultRates) {
    this.#process = process
    this.#name = name
    this.#state = state
    this.#token = token
    this.#faultRates = storeFaultRates
    this.#incarnation = state.incarnation
  }

  get position(): string | undefined {
    return this.#state.position
  }

  get storedBytes(): number {
    return this.#state.bytes
  }

  async getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    await this.#access('read')
    return keys.map((key) => this.#state.rows.get(keyText(key))?.[1])
  }

  async commit(changes: readonly Change[], position: string): Promise<void> {
    const { random } = this.#process.eventLoop
    await this.#access('commit')
    this.#state.beginCommit()
    const failsAt = random.chance(this.#faultRates.failures) ? random.between(0, changes.length) : undefined
    for (const [i, change] of changes.entries()) {
      if (i === failsAt) throw new Error(`the disk failed in a commit to ${this.#name}`)
      if (i > 0 && random.chance(0.1)) await this.#access('commit')
      if (!this.#process.mayWrite()) await new Promise(() => {}) // the process is dead
      this.#state.change(change)
    }
    if (failsAt !== undefined) throw new Error(`the disk failed before the position of ${this.#name}`)
    this.#state.setPosition(position)
  }

  async *entries(): AsyncGenerator<readonly [Uint8Array, Uint8Array], void, void> {
    await this.#access('scan')
    yield* [...this.#state.rows.values()]
  }

  async clear(): Promise<void> {
    await this.#access('clear')
    this.#state.beginCommit()
    this.#state.clear()
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  async #access(operation: string): Promise<void> {
    const { eventLoop, name } = this.#process
    const wait = eventLoop.random.chance(this.#faultRates.stalls)
      ? eventLoop.random.between(200, 5_000)
      : eventLoop.random.next()
    await eventLoop.sleep(wait, `${name} ${operation} ${this.#name}`, this.#process)
    while (this.#faultRates.hanging.has(name))
      await eventLoop.sleep(HANG_STEP_MS, `${name} waits to ${operation} ${this.#name}`, this.#process)
    if (this.#isClosed) throw new JoineryError('STORE_CLOSED', `store ${this.#name} was closed`)
    if (this.#token < this.#state.token) throw fenced(this.#name)
    if (this.#incarnation !== this.#state.incarnation)
      throw new JoineryError('STORE_BEHIND', `store ${this.#name} has lost commits`, { retriable: true })
    if (operation === 'read' && eventLoop.random.chance(this.#faultRates.failures))
      throw new Error(`the disk failed a read of ${this.#name}`)
  }
}
