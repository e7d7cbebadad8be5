import { JoineryError } from '@joinery/core'
import { checkOptionNames } from '@joinery/core/log'
import type { StateStores } from '@joinery/core/store'
import { LmdbStore } from './lmdb-store.js'
import { StoreContents } from './store-contents.js'
import { StoreDirectory } from './store-directory.js'

/** Options of {@link lmdbStores}. */
export interface LmdbStoresOptions {
  /**
   * A directory on a local disk, only for these stores; it is created if it does not exist. One process at a time can have it
   * open, so each instance of an application on the same machine needs its own.
   */
  readonly path: string
  /**
   * What happens when the files are damaged: `'rebuild'` deletes them, and the stores are rebuilt from the log; `'fail'` keeps
   * them for inspection, and fails with `STORE_CORRUPT`. Defaults to `'rebuild'`.
   */
  readonly onDamage?: 'rebuild' | 'fail'
  /** Called each time damaged files were deleted. Defaults to `process.emitWarning`. */
  readonly onWarning?: (message: string) => void
}

const LMDB_STORES_OPTIONS: Readonly<Record<keyof LmdbStoresOptions, true>> = {
  path: true,
  onDamage: true,
  onWarning: true,
}

/**
 * State stores in LMDB, in a directory on a local disk. They survive the end of the process: a restart reads from the log only
 * what has been appended since. One process at a time can have the directory open, until the stores are disposed of or the
 * process ends for any reason. Several applications of one process can share the stores.
 *
 * Rows and position of a commit are written in one transaction of LMDB. If the process is killed, the latest commits can be missing; if
 * the machine fails, so can those that had not reached the disk. They are in the log, and are replayed from there.
 *
 * @returns a factory of stores, for the option `stores` of `run`
 * @throws JoineryError `OPTION_INVALID`, also if the directory belongs to another program; `STORE_LOCKED` if another process
 * has it open; `STORE_CORRUPT` if its files have a later format, or are damaged and `onDamage` is `'fail'`; `STORE_FAILED` if it
 * cannot be written
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
  checkOptionNames('lmdbStores', options, LMDB_STORES_OPTIONS)
  const { path, onDamage = 'rebuild', onWarning } = options
  if (typeof path !== 'string' || path === '')
    throw new JoineryError(
      'OPTION_INVALID',
      `path is ${JSON.stringify(path)}: use the path of a directory for the stores`,
    )
  if (onDamage !== 'rebuild' && onDamage !== 'fail')
    throw new JoineryError('OPTION_INVALID', `onDamage is ${JSON.stringify(onDamage)}: use 'rebuild' or 'fail'`)
  const warn = onWarning ?? ((message: string) => process.emitWarning(message, 'JoineryWarning'))
  const directory = new StoreDirectory({ path, rebuilds: onDamage === 'rebuild', warn })
  const contents = new Map<string, StoreContents>()
  return {
    async open(id) {
      const key = JSON.stringify([id.application, id.name, id.partition])
      const environment = await directory.environment()
      let shared = contents.get(key)
      if (shared?.environment !== environment) {
        shared = new StoreContents(environment, key, shared)
        contents.set(key, shared)
      }
      await shared.takeOver(id)
      return new LmdbStore(id, shared)
    },
    [Symbol.asyncDispose]: () => directory.close(),
  }
}
