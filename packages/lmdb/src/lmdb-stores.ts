import { JoineryError } from '@joinery/core'
import type { StateStores } from '@joinery/core/store'
import { Environment } from './environment.js'
import { LmdbStore } from './lmdb-store.js'
import { StoreContents } from './store-contents.js'

/** Options of {@link lmdbStores}. */
export interface LmdbStoresOptions {
  /**
   * A directory on a local disk, for these stores alone; made if it is missing. One process at a time has it open, so
   * each instance of an application on a machine needs one of its own.
   */
  readonly path: string
}

/**
 * Stores in LMDB, in a directory on local disk. They outlive the process: a start reads from the log only what came since.
 * One process has the directory open at a time, until the stores are disposed of or the process ends, in whatever way.
 * Several applications of one process may share the stores.
 *
 * Rows and position of a commit are one transaction of LMDB. A process that is killed loses none of it, or the newest
 * commits; a machine that fails loses what had not reached the disk. The log has them, and they are read again.
 *
 * @throws JoineryError `OPTION_INVALID`, `STORE_LOCKED` if another process has the directory open, `STORE_CORRUPT` if the
 * files in it are damaged, `STORE_FAILED` if it cannot be written
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs'
 *
 * await using stores = lmdbStores({ path: mkdtempSync('/tmp/service-a-') })
 * await using app = await run(notify, { application: 'service-a', log, stores })
 * ```
 */
export function lmdbStores(options: LmdbStoresOptions): StateStores & AsyncDisposable {
  const { path } = options
  if (typeof path !== 'string' || path === '')
    throw new JoineryError('OPTION_INVALID', `path is ${JSON.stringify(path)}: name a directory for the stores`)
  const environment = new Environment(path)
  const contents = new Map<string, StoreContents>()
  return {
    async open(id) {
      const key = JSON.stringify([id.application, id.name, id.partition])
      let shared = contents.get(key)
      if (shared === undefined) {
        shared = new StoreContents(environment, key)
        contents.set(key, shared)
      }
      await shared.takeOver(id)
      return new LmdbStore(id, shared)
    },
    [Symbol.asyncDispose]: () => environment.close(),
  }
}
