import { parseChangelogKey } from '../../changelog/keys.js'
import type { StateStore } from '../../store/contract.js'

/** A waiting event as a store holds it. */
export interface StoredWaiter {
  readonly pipeline: string
  /** In the stream. */
  readonly offset: number
  readonly stored: Uint8Array
}

/** Calls `restore` with each waiting event of a store, in stream order. */
export async function restoreWaiters(
  entries: ReturnType<StateStore['entries']>,
  restore: (waiter: StoredWaiter) => void,
): Promise<void> {
  const found: StoredWaiter[] = []
  for await (const [bytes, stored] of entries) {
    const key = parseChangelogKey(bytes)
    if (key.kind === 'waiter') found.push({ pipeline: key.pipeline, offset: key.offset, stored })
  }
  found.sort((a, b) => a.offset - b.offset)
  for (const waiter of found) restore(waiter)
}
