/**
 * State stores on local disk, in LMDB.
 *
 * @packageDocumentation
 */
export { type LmdbStoresOptions, lmdbStores } from './lmdb-stores.js'
