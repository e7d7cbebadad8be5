import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { JoineryError } from '@joinery/core'
import { type Database, open, type RootDatabase } from 'lmdb'
import { fillUp, lookAt, PAGE_BYTES, reserve } from './data-file.js'
import { Ownership } from './ownership.js'
import { damaged, storeError } from './store-error.js'

/** Keys and values as LMDB has them. */
export type Rows = Database<Uint8Array, Uint8Array>

/** In one directory: of each task the waiting events, and each table. */
const MOST_STORES = 4_096
const BINARY = { encoding: 'binary', keyEncoding: 'binary' } as const

/** How things are stored; files of another format are refused. */
const FORMAT = Buffer.from('1')
const FORMAT_KEY = Buffer.from('format')

/**
 * LMDB's files in one directory. A thread of lmdb's writes: a transaction is flushed to the disk before it is visible, and
 * its pages are never those of the last one, so there is no moment at which the files make no sense.
 */
export class Environment {
  readonly #path: string
  readonly #ownership: Ownership
  readonly #root: RootDatabase<Uint8Array, Uint8Array>
  readonly #about: Rows
  readonly #writing = new Set<Promise<unknown>>()
  /** Why nothing works any more. */
  #ended: JoineryError | undefined
  #closing: Promise<void> | undefined

  /** @throws JoineryError `STORE_LOCKED`, `STORE_CORRUPT`, `STORE_FAILED` */
  constructor(path: string) {
    this.#path = path
    let ownership: Ownership | undefined
    try {
      mkdirSync(path, { recursive: true })
      if (lookAt(join(path, 'data.mdb')) !== 'whole') reserve(path)
      ownership = new Ownership(path)
      this.#ownership = ownership
      this.#root = openFiles(path)
    } catch (error) {
      void ownership?.release()
      throw storeError(error, path, 'opened')
    }
    try {
      this.#about = this.#root.openDB('joinery', BINARY)
      checkFormat(this.#about, path)
    } catch (error) {
      void this.#root.close()
      void this.#ownership.release()
      throw storeError(error, path, 'opened')
    }
  }

  openRows(name: string): Rows {
    return this.read(() => this.#root.openDB(name, BINARY))
  }

  /** @throws JoineryError `STORE_CLOSED`, or what has ended it */
  check(): void {
    if (this.#ended !== undefined) throw this.#ended
  }

  read<T>(read: () => T): T {
    this.check()
    try {
      return read()
    } catch (error) {
      throw storeError(error, this.#path, 'read')
    }
  }

  /** Makes the operations one transaction; resolves when it is on disk. */
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

  /** What is being written has ended, well or not. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#writing)
  }

  async #writeError(error: unknown): Promise<JoineryError> {
    const failed = storeError(await causeOf(error), this.#path, 'written')
    try {
      this.#about.getBinary(FORMAT_KEY)
    } catch (cause) {
      // lmdb would wait for ever for the next write
      const message = `the disk of ${this.#path} failed while a commit was being completed: restart the process; the stores are whole`
      this.#ended ??= new JoineryError('STORE_FAILED', message, { cause })
      return this.#ended
    }
    return failed
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#ended === undefined) {
      this.#ended = new JoineryError('STORE_CLOSED', `the stores in ${this.#path} were disposed of`)
    }
    await this.settled()
    if (this.#ended.code !== 'STORE_CLOSED') return // only the end of the process gives it back
    await this.#root.close()
    await this.#ownership.release()
  }
}

function openFiles(path: string): RootDatabase<Uint8Array, Uint8Array> {
  const file = join(path, 'data.mdb')
  const found = lookAt(file)
  if (found === 'damaged') throw damaged(path, 'data.mdb is no file of LMDB, or its beginning is lost')
  if (found === 'unfinished') rmSync(file)
  const root = open<Uint8Array, Uint8Array>({
    path,
    ...BINARY,
    noSubdir: false,
    pageSize: PAGE_BYTES,
    maxDbs: MOST_STORES + 1,
    overlappingSync: false,
    // else a write that fails also rejects a promise that nobody can have
    eventTurnBatching: false,
  })
  const { lastPageNumber } = root.getStats() as { readonly lastPageNumber: number }
  fillUp(file, lastPageNumber + 1)
  return root
}

function checkFormat(about: Rows, path: string): void {
  const format = about.getBinary(FORMAT_KEY)
  if (format === undefined) about.putSync(FORMAT_KEY, FORMAT)
  else if (Buffer.compare(format, FORMAT) !== 0) throw damaged(path, `they have the format ${format}, not ${FORMAT}`)
}

/** lmdb tells the cause by a promise of its own. */
async function causeOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { readonly commitError?: Promise<unknown> }
  if (commitError === undefined) return error
  const unknown = new Promise((resolve) => setTimeout(resolve, 1_000, error).unref())
  return Promise.race([
    commitError.then(
      () => error,
      (cause: unknown) => cause,
    ),
    unknown,
  ])
}
