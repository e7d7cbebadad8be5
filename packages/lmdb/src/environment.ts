import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { JoineryError } from '@joinery/core'
import { type Database, open, type RootDatabase } from 'lmdb'
import { extend, inspect, PAGE_BYTES, reserve } from './data-file.js'
import { Ownership } from './ownership.js'
import { damaged, storeError } from './store-error.js'

/** The database of one store, with keys and values as LMDB stores them. */
export type Rows = Database<Uint8Array, Uint8Array>

/** The most stores of one directory. Each task has one for each table, and one for events that wait. */
const MAX_STORES = 4_096
const BINARY = { encoding: 'binary', keyEncoding: 'binary' } as const

/** The version of the storage format. Files of another version are rejected. */
const FORMAT = Buffer.from('1')
const FORMAT_KEY = Buffer.from('format')

/**
 * The LMDB environment in one directory. A thread of lmdb writes: a transaction is flushed to disk before it becomes visible,
 * and it never overwrites pages of the previous one, so the files are consistent at any time.
 */
export class Environment {
  readonly #path: string
  readonly #ownership: Ownership
  readonly #root: RootDatabase<Uint8Array, Uint8Array>
  readonly #metadata: Rows
  readonly #writing = new Set<Promise<unknown>>()
  /** The error that made the environment unusable. */
  #failure: JoineryError | undefined
  #closing: Promise<void> | undefined

  /** @throws JoineryError `STORE_LOCKED`, `STORE_CORRUPT`, `STORE_FAILED` */
  constructor(path: string) {
    this.#path = path
    let ownership: Ownership | undefined
    try {
      mkdirSync(path, { recursive: true })
      if (inspect(join(path, 'data.mdb')) !== 'whole') reserve(path)
      ownership = new Ownership(path)
      this.#ownership = ownership
      this.#root = openFiles(path)
    } catch (error) {
      void ownership?.release()
      throw storeError(error, path, 'opened')
    }
    try {
      this.#metadata = this.#root.openDB('joinery', BINARY)
      checkFormat(this.#metadata, path)
    } catch (error) {
      void this.#root.close()
      void this.#ownership.release()
      throw storeError(error, path, 'opened')
    }
  }

  openRows(name: string): Rows {
    return this.read(() => this.#root.openDB(name, BINARY))
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
      throw storeError(error, this.#path, 'read')
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
    const writeError = storeError(await causeOf(error), this.#path, 'written')
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

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#failure === undefined) {
      this.#failure = new JoineryError('STORE_CLOSED', `the stores in ${this.#path} were disposed of`)
    }
    await this.settled()
    if (this.#failure.code !== 'STORE_CLOSED') return // the files stay locked until the process ends
    await this.#root.close()
    await this.#ownership.release()
  }
}

function openFiles(path: string): RootDatabase<Uint8Array, Uint8Array> {
  const file = join(path, 'data.mdb')
  const found = inspect(file)
  if (found === 'damaged') throw damaged(path, 'data.mdb is not a file of LMDB, or its beginning was overwritten')
  if (found === 'unfinished') rmSync(file)
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
  const format = metadata.getBinary(FORMAT_KEY)
  if (format === undefined) metadata.putSync(FORMAT_KEY, FORMAT)
  else if (Buffer.compare(format, FORMAT) !== 0)
    throw damaged(path, `their format is ${format}, but this version reads format ${FORMAT}`)
}

/** @returns the cause of a failed write, which lmdb provides as a separate promise */
async function causeOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { readonly commitError?: Promise<unknown> }
  if (commitError === undefined) return error
  const noCause = new Promise((resolve) => setTimeout(resolve, 1_000, error).unref())
  return Promise.race([
    commitError.then(
      () => error,
      (cause: unknown) => cause,
    ),
    noCause,
  ])
}
