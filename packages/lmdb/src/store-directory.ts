import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { checkAccess, inspect, isCreated, reserveDescriptors, reserveSpace } from './data-file.js'
import { Environment } from './environment.js'
import { Ownership } from './ownership.js'
import { foreign, isDamaged, storeError } from './store-error.js'
import { UnclosedCount } from './unclosed-count.js'

/** After this many processes in a row that did not close the files, every page is checked: it may be one that ended them. */
const UNCLOSED_LIMIT = 3

/** Options of {@link StoreDirectory}. */
export interface StoreDirectoryOptions {
  readonly path: string
  /** Whether damaged files are replaced. */
  readonly rebuilds: boolean
  readonly warn: (message: string) => void
}

/** A directory that this process owns, with an environment that is replaced if its files are damaged. */
export class StoreDirectory {
  readonly #options: StoreDirectoryOptions
  readonly #ownership: Ownership
  readonly #unclosed: UnclosedCount
  #environment: Environment
  #replacing: Promise<void> | undefined
  #closing: Promise<void> | undefined

  /** @throws JoineryError `OPTION_INVALID`, `STORE_LOCKED`, `STORE_CORRUPT`, `STORE_FAILED` */
  constructor(options: StoreDirectoryOptions) {
    const { path } = options
    this.#options = options
    this.#unclosed = new UnclosedCount(path)
    let ownership: Ownership | undefined
    try {
      mkdirSync(path, { recursive: true })
      prepare(path)
      ownership = new Ownership(path)
      this.#ownership = ownership
      rejectForeign(path) // now that no other process writes them
      this.#environment = this.#opened()
    } catch (error) {
      void ownership?.release()
      throw storeError(error, path, 'opened')
    }
  }

  /**
   * @returns the environment to open stores in
   * @throws JoineryError `STORE_FAILED` if damaged files cannot be replaced
   */
  async environment(): Promise<Environment> {
    if (this.#environment.damage !== undefined && this.#closing === undefined) {
      this.#replacing ??= this.#replace(this.#environment)
      await this.#replacing
    }
    return this.#environment
  }

  #opened(): Environment {
    const { path, rebuilds } = this.#options
    const check = this.#unclosed.opened(UNCLOSED_LIMIT) ? 'pages' : 'roots'
    try {
      return new Environment({ path, check, rebuilds })
    } catch (error) {
      if (!rebuilds || !isDamaged(error)) throw error
      return this.#new(error.cause)
    }
  }

  async #replace(damaged: Environment): Promise<void> {
    try {
      await damaged.close().catch(() => {}) // also a file that cannot be closed is not used again
      this.#environment = this.#new(damaged.damage)
    } catch (error) {
      throw storeError(error, this.#options.path, 'opened')
    } finally {
      this.#replacing = undefined
    }
  }

  /** The log has everything that the files held, so they are deleted: there may be no room for a second copy. */
  #new(cause: unknown): Environment {
    const { path, rebuilds, warn } = this.#options
    for (const name of ['data.mdb', 'lock.mdb']) rmSync(join(path, name), { force: true })
    reserveDescriptors()
    reserveSpace(path)
    const environment = new Environment({ path, check: 'roots', rebuilds })
    const what = cause instanceof Error ? cause.message : String(cause)
    warn(
      `the files in ${path} were damaged (${what}) and are deleted: the stores are rebuilt from the log; if it recurs, check the disk`,
    )
    return environment
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#replacing?.catch(() => {})
    await this.#environment.close()
    if (this.#environment.isStuck) return // the files stay locked until the process ends
    this.#unclosed.closed()
    await this.#ownership.release()
  }
}

/** Checks what would make lmdb terminate the process, and whether the directory belongs to something else. */
function prepare(path: string): void {
  reserveDescriptors()
  checkAccess(path)
  const owner = join(path, 'owner')
  if (existsSync(owner)) checkAccess(owner)
  else {
    // the directory "owner" comes first, so files without it are not unfinished or damaged ones of stores
    const { state, why, isOurs } = inspect(join(path, 'data.mdb'))
    if (state !== 'none' && !isOurs) throw foreign(path, why)
  }
  if (!isCreated(join(path, 'data.mdb'))) reserveSpace(path)
}

/** Throws if the files belong to something else, although the directory has been one of stores. */
function rejectForeign(path: string): void {
  const { state, why } = inspect(join(path, 'data.mdb'))
  if (state === 'foreign') throw foreign(path, why)
}
