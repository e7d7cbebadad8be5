import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { JoineryError } from '@joinery/core'
import { type Database, open, type RootDatabase } from 'lmdb'
import type { CheckDepth } from './check-pages.js'
import { Damage } from './damage.js'
import { extend, inspect } from './data-file.js'
import { PAGE_BYTES } from './data-pages.js'
import { isDamaged, mayBeDamage, storeError } from './store-error.js'
import { WriteStatus } from './write-status.js'

/** The database of one store, with keys and values as LMDB stores them. */
export type Rows = Database<Uint8Array, Uint8Array>

/** The most stores of one directory. Each task has one for each table, and one for events that wait. */
const MAX_STORES = 4_096
const BINARY = { encoding: 'binary', keyEncoding: 'binary' } as const

/** The version of the storage format. */
const FORMAT = '2'
/** Files of these versions are rebuilt. */
const OLDER_FORMATS: readonly string[] = ['1']
const FORMAT_KEY = Buffer.from('format')

/** Options of {@link Environment}. */
export interface EnvironmentOptions {
  readonly path: string
  /** How much of the files is checked before LMDB opens them. */
  readonly check: CheckDepth
  /** Whether the files are replaced if they are damaged. */
  readonly rebuilds: boolean
}

/**
 * The LMDB environment in one directory. A thread of lmdb writes: a transaction is flushed to disk before it becomes visible,
 * and it never overwrites pages of the previous one, so the files are consistent at any time.
 */
export class Environment {
  readonly #path: string
  readonly #rebuilds: boolean
  readonly #root: RootDatabase<Uint8Array, Uint8Array>
  readonly #metadata: Rows
  readonly #status: WriteStatus
  readonly #writing = new Set<Promise<unknown>>()
  /** The error that made the environment unusable. */
  #failure: JoineryError | undefined
  #closing: Promise<void> | undefined

  /** @throws JoineryError `STORE_CORRUPT`, `STORE_FAILED` */
  constructor({ path, check, rebuilds }: EnvironmentOptions) {
    this.#path = path
    this.#rebuilds = rebuilds
    try {
      this.#root = openFiles(path, check)
    } catch (error) {
      throw storeError(error, path, 'opened')
    }
    try {
      this.#status = new WriteStatus(this.#root)
      this.#metadata = this.#root.openDB('joinery', BINARY)
      checkFormat(this.#metadata, path)
    } catch (error) {
      void this.#root.close()
      throw storeError(error, path, 'opened')
    }
  }

  openRows(name: string): Rows {
    return this.read(() => this.#root.openDB(name, BINARY))
  }

  /** What is damaged: the files are not used again. */
  get damage(): unknown {
    return this.#failure?.code === 'STORE_BEHIND' ? this.#failure.cause : undefined
  }

  /** @throws JoineryError `STORE_CLOSED`, or the error that made the environment unusable */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  read<T>(read: () => T): T {
    this.check()
    try {
      return read()
    } catch (error) {
      throw this.#failed(storeError(error, this.#path, 'read'))
    }
  }

  /** Runs operations in one transaction. Resolves when it is on disk. */
  async write(operations: () => void): Promise<void> {
    this.check()
    const writing = this.#root.batch(operations)
    this.#writing.add(writing)
    try {
      await writing
    } catch (error) {
      throw await this.#writeError(error)
    } finally {
      this.#writing.delete(writing)
    }
  }

  /** Waits until all current writes have succeeded or failed. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#writing)
  }

  async #writeError(error: unknown): Promise<JoineryError> {
    const found = await this.#status.causeOf(error)
    const cause = mayBeDamage(found) ? (damageOf(this.#path) ?? found) : found
    const writeError = this.#failed(storeError(cause, this.#path, 'written'))
    if (writeError === this.#failure) return writeError
    try {
      this.#metadata.getBinary(FORMAT_KEY)
    } catch (cause) {
      // lmdb would wait forever for the next write
      const message = `the disk of ${this.#path} failed during a commit: restart the process; the stores are not damaged`
      this.#failure ??= new JoineryError('STORE_FAILED', message, { cause })
      return this.#failure
    }
    return writeError
  }

  /** Damaged files are not used again: tasks reopen their stores, in new files. */
  #failed(error: JoineryError): JoineryError {
    if (!this.#rebuilds || !isDamaged(error)) return error
    const message = `the files in ${this.#path} are damaged: ${String(error.cause)}; the stores are rebuilt from the log`
    this.#failure ??= new JoineryError('STORE_BEHIND', message, { cause: error.cause, retriable: true })
    return this.#failure
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#failure === undefined)
      this.#failure = new JoineryError('STORE_CLOSED', `the stores in ${this.#path} were disposed of`)
    await this.settled()
    if (this.isStuck) return
    await this.#root.close()
  }

  /** Whether the disk has failed during a commit: the files cannot be closed then. */
  get isStuck(): boolean {
    return this.#failure?.code === 'STORE_FAILED'
  }
}

/** @returns what is damaged, if anything is */
function damageOf(path: string): Damage | undefined {
  const { state, why } = inspect(join(path, 'data.mdb'), 'pages')
  return state === 'damaged' ? new Damage(why) : undefined
}

function openFiles(path: string, check: CheckDepth): RootDatabase<Uint8Array, Uint8Array> {
  const file = join(path, 'data.mdb')
  const { state, why } = inspect(file, check)
  if (state === 'damaged') throw new Damage(why)
  if (state === 'unfinished') rmSync(file)
  const root = open<Uint8Array, Uint8Array>({
    path,
    ...BINARY,
    noSubdir: false,
    pageSize: PAGE_BYTES,
    maxDbs: MAX_STORES + 1,
    overlappingSync: false,
    // otherwise a failed write also rejects a promise that is not accessible
    eventTurnBatching: false,
  })
  const { lastPageNumber } = root.getStats() as { readonly lastPageNumber: number }
  extend(file, lastPageNumber + 1)
  return root
}

function checkFormat(metadata: Rows, path: string): void {
  const format = metadata.getBinary(FORMAT_KEY)?.toString()
  if (format === undefined) metadata.putSync(FORMAT_KEY, Buffer.from(FORMAT))
  else if (OLDER_FORMATS.includes(format))
    throw new Damage(`their format is ${format}, and that of this version is ${FORMAT}`)
  else if (format !== FORMAT)
    throw new JoineryError(
      'STORE_CORRUPT',
      `the files in ${path} have the format ${format}, but this version reads format ${FORMAT}: run the version that wrote them, or delete the directory, and the stores are rebuilt from the log`,
    )
}
