import { JoineryError } from '@joinery/core'
import type { Change, StateStore, StateStores } from '@joinery/core/store'
import { keyText } from '@joinery/core/store'
import type { SimProcess } from './sim-process.js'

interface Contents {
  readonly rows: Map<string, readonly [Uint8Array, Uint8Array]>
  position: string | undefined
  token: number
}

/** What outlives processes: a disk, or a server that all share. */
export class SimDisk {
  readonly stores: Map<string, Contents> = new Map()
}

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
      const id = `${application}/${name}/${partition}`
      const contents = disk.stores.get(id) ?? { rows: new Map(), position: undefined, token: -1 }
      disk.stores.set(id, contents)
      if (token < contents.token) throw fenced(name)
      contents.token = token
      return new SimStore(process, name, contents, token, trouble)
    },
  }
}

const fenced = (name: string): JoineryError =>
  new JoineryError('STORE_FENCED', `store ${name} has a later owner`, { retriable: true })

class SimStore implements StateStore {
  readonly #process: SimProcess
  readonly #name: string
  readonly #contents: Contents
  readonly #token: number
  readonly #trouble: StoreTrouble
  #isClosed = false

  constructor(process: SimProcess, name: string, contents: Contents, token: number, trouble: StoreTrouble) {
    this.#process = process
    this.#name = name
    this.#contents = contents
    this.#token = token
    this.#trouble = trouble
  }

  get position(): string | undefined {
    return this.#contents.position
  }

  async getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    await this.#reach('read')
    return keys.map((key) => this.#contents.rows.get(keyText(key))?.[1])
  }

  async commit(changes: readonly Change[], position: string): Promise<void> {
    const { random } = this.#process.world
    await this.#reach('commit')
    const { rows } = this.#contents
    const failsAt = random.chance(this.#trouble.failures) ? random.between(0, changes.length) : undefined
    for (const [i, { key, value }] of changes.entries()) {
      if (i === failsAt) throw new Error(`the disk failed in a commit to ${this.#name}`)
      if (i > 0 && random.chance(0.1)) await this.#reach('commit')
      if (value === null) rows.delete(keyText(key))
      else rows.set(keyText(key), [key, value])
    }
    if (failsAt !== undefined) throw new Error(`the disk failed before the position of ${this.#name}`)
    this.#contents.position = position
  }

  async *entries(): AsyncGenerator<readonly [Uint8Array, Uint8Array], void, void> {
    await this.#reach('scan')
    yield* [...this.#contents.rows.values()]
  }

  async clear(): Promise<void> {
    await this.#reach('clear')
    this.#contents.rows.clear()
    this.#contents.position = undefined
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  async #reach(does: string): Promise<void> {
    const { world, name } = this.#process
    const wait = world.random.chance(this.#trouble.stalls) ? world.random.between(200, 5_000) : world.random.next()
    await world.sleep(wait, `${name} ${does} ${this.#name}`, this.#process)
    if (this.#isClosed) throw new JoineryError('STORE_CLOSED', `store ${this.#name} was closed`)
    if (this.#token < this.#contents.token) throw fenced(this.#name)
    if (does === 'read' && world.random.chance(this.#trouble.failures))
      throw new Error(`the disk failed a read of ${this.#name}`)
  }
}
