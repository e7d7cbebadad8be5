import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { JoineryError } from '@joinery/core'
import { open, type RootDatabase, type Transaction } from 'lmdb'
import { inspect } from './data-file.js'
import { PAGE_BYTES } from './data-pages.js'

/** The readers of an environment, as lmdb reports them. */
interface Readers {
  /** The highest number of reader slots that were in use since a process last opened the unlocked files. */
  readonly numReaders: number
}

/**
 * The exclusive ownership of a directory. It is represented by a small LMDB environment without rows, because LMDB locks its
 * files through the operating system: the lock ends with its process, for whatever reason, and is visible in all containers
 * of the machine. So there are no stale locks to detect, and no process ids to compare.
 *
 * A process that opens an unlocked environment resets its number of readers. Each reader then takes a slot, and keeps it. The
 * reader of the first slot is the owner until it closes the environment: every other one, also in the same process, gets a
 * higher number.
 */
export class Ownership {
  readonly #environment: RootDatabase
  readonly #slot: Transaction

  /** @throws JoineryError `STORE_LOCKED` */
  constructor(directory: string) {
    const path = join(directory, 'owner')
    const file = join(path, 'data.mdb')
    if (inspect(file).state !== 'whole') rmSync(file, { force: true }) // the file has no contents; the lock is another file
    this.#environment = open({
      path,
      noSubdir: false,
      pageSize: PAGE_BYTES,
      maxDbs: 1,
      overlappingSync: false,
      noSync: true,
    })
    this.#slot = this.#environment.useReadTransaction()
    const { numReaders } = this.#environment.getStats() as Readers
    if (numReaders === 1) return
    const owners = this.#describeOwners()
    void this.release()
    throw new JoineryError('STORE_LOCKED', `${directory} is open ${owners}`, { retriable: true })
  }

  async release(): Promise<void> {
    this.#slot.done()
    await this.#environment.close()
  }

  #describeOwners(): string {
    const ids = [...this.#environment.readerList().matchAll(/^ *(\d+) /gm)].map(([, id]) => Number(id))
    const others = ids.filter((id) => id !== process.pid)
    if (others.length > 0) return `in process ${others.join(', ')}: use a separate directory for each process`
    return 'already in this process, or in another container: share one lmdbStores, or use separate directories'
  }
}
