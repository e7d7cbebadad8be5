import { JoineryError } from '@joinery/core'
import type { Change, StateStore, StateStores } from '@joinery/core/store'
import { keyText } from '@joinery/core/store'
import type { SimDisk, StoredState } from './sim-disk.js'
import type { SimProcess } from './sim-process.js'

/** How bad the stores are. */
export interface StoreTrouble {
  /** How often a call fails. */
  failures: number
  /** How often a call takes very long. */
  stalls: number
}

/** Stores with a latency: calls fail or stall, and a commit that a crash meets has written a part of its changes. */
export function simStores(process: SimProcess, disk: SimDisk, trouble: StoreTrouble): StateStores {
  return {
    async open({ application, name, partition, token }) {
      const state = disk.state(`${application}/${name}/${partition}`)
      if (token < state.token) throw fenced(name)
      state.open(token)
      return new SimStore(process, name, state, token, trouble)
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
  readonly #trouble: StoreTrouble
  readonly #incarnation: number
  #isClosed = false

  constructor(process: SimProcess, name: string, state: StoredState, token: number, trouble: StoreTrouble) {
    this.#process = process
    this.#name = name
    this.#state = state
    this.#token = token
    this.#trouble = trouble
    this.#incarnation = state.incarnation
  }

  get position(): string | undefined {
    return this.#state.position
  }

  async getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    await this.#reach('read')
    return keys.map((key) => this.#state.rows.get(keyText(key))?.[1])
  }

  async commit(changes: readonly Change[], position: string): Promise<void> {
    const { random } = this.#process.world
    await this.#reach('commit')
    this.#state.begin()
    const failsAt = random.chance(this.#trouble.failures) ? random.between(0, changes.length) : undefined
    for (const [i, change] of changes.entries()) {
      if (i === failsAt) throw new Error(`the disk failed in a commit to ${this.#name}`)
      if (i > 0 && random.chance(0.1)) await this.#reach('commit')
      if (!this.#process.writes()) await new Promise(() => {}) // it never comes back
      this.#state.change(change)
    }
    if (failsAt !== undefined) throw new Error(`the disk failed before the position of ${this.#name}`)
    this.#state.move(position)
  }

  async *entries(): AsyncGenerator<readonly [Uint8Array, Uint8Array], void, void> {
    await this.#reach('scan')
    yield* [...this.#state.rows.values()]
  }

  async clear(): Promise<void> {
    await this.#reach('clear')
    this.#state.begin()
    this.#state.clear()
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  async #reach(does: string): Promise<void> {
    const { world, name } = this.#process
    const wait = world.random.chance(this.#trouble.stalls) ? world.random.between(200, 5_000) : world.random.next()
    await world.sleep(wait, `${name} ${does} ${this.#name}`, this.#process)
    if (this.#isClosed) throw new JoineryError('STORE_CLOSED', `store ${this.#name} was closed`)
    if (this.#token < this.#state.token) throw fenced(this.#name)
    if (this.#incarnation !== this.#state.incarnation)
      throw new JoineryError('STORE_BEHIND', `store ${this.#name} has lost what it had`, { retriable: true })
    if (does === 'read' && world.random.chance(this.#trouble.failures))
      throw new Error(`the disk failed a read of ${this.#name}`)
  }
}
