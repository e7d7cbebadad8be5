import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { JoineryError } from '@joinery/core'
import { open, type RootDatabase, type Transaction } from 'lmdb'
import { lookAt, PAGE_BYTES } from './data-file.js'

/** What lmdb says of those who read. */
interface Readers {
  /** The most slots for readers that were taken at once since a process had the files to itself. */
  readonly numReaders: number
}

/**
 * That a directory is one owner's alone. A small LMDB environment without rows stands for it, because LMDB locks its files
 * through the operating system: such a lock ends with its process, however that ends, and counts in all containers of the
 * machine. So there is nothing stale to be told from the living, and no process id to be compared.
 *
 * A process that finds an environment unlocked resets the number of its readers. Each reader then takes a slot, and keeps
 * it. Who has taken the first one is alone until it closes: all others, also in its own process, count more than one.
 */
export class Ownership {
  readonly #environment: RootDatabase
  readonly #slot: Transaction

  /** @throws JoineryError `STORE_LOCKED` */
  constructor(directory: string) {
    const path = join(directory, 'owner')
    const file = join(path, 'data.mdb')
    if (lookAt(file) !== 'whole') rmSync(file, { force: true }) // it holds nothing; the lock is another file
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
    const by = this.#others()
    void this.release()
    throw new JoineryError('STORE_LOCKED', `${directory} is open ${by}`, { retriable: true })
  }

  async release(): Promise<void> {
    this.#slot.done()
    await this.#environment.close()
  }

  #others(): string {
    const ids = [...this.#environment.readerList().matchAll(/^ *(\d+) /gm)].map(([, id]) => Number(id))
    const others = ids.filter((id) => id !== process.pid)
    if (others.length > 0) return `in process ${others.join(', ')}: give each process a directory of its own`
    return 'in this process already, or in another container: share one lmdbStores, or give each its own directory'
  }
}
