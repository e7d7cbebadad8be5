import { type ChangelogKey, parseChangelogKey } from '../../changelog/keys.js'
import type { StateStore } from '../../store/contract.js'
import type { StoredEntry } from './damaged-entry.js'

/** A waiting event as a store holds it. */
export interface StoredWaiter {
  readonly pipeline: string
  /** In the stream. */
  readonly offset: number
  readonly stored: Uint8Array
}

/**
 * Calls `restore` with each waiting event of a store, in stream order.
 *
 * @param damaged returns the error to throw if an entry cannot be read; that of its decoder by default
 */
export async function restoreWaiters(
  entries: ReturnType<StateStore['entries']>,
  restore: (waiter: StoredWaiter) => void,
  damaged: (error: unknown, entry: StoredEntry) => unknown = (error) => error,
): Promise<void> {
  const found: (StoredWaiter & { readonly entry: StoredEntry })[] = []
  for await (const entry of entries) {
    let key: ChangelogKey
    try {
      key = parseChangelogKey(entry[0])
    } catch (error) {
      throw await damaged(error, entry)
    }
    if (key.kind === 'waiter') found.push({ pipeline: key.pipeline, offset: key.offset, stored: entry[1], entry })
  }
  found.sort((a, b) => a.offset - b.offset)
  for (const waiter of found) {
    try {
      restore(waiter)
    } catch (error) {
      throw await damaged(error, waiter.entry)
    }
  }
}
