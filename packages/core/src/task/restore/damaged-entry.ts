import { isJoineryError, JoineryError } from '../../errors.js'
import type { LogSource, TaskSession } from '../../log/contract.js'
import type { LogRecord } from '../../record.js'
import { replay } from './replay.js'

/** An entry of a store that follows the changelog. */
export type StoredEntry = readonly [key: Uint8Array, value: Uint8Array]

/** Options of {@link damagedEntry}. */
export interface DamagedEntryOptions {
  /** The name of the store. */
  readonly store: string
  readonly session: Pick<TaskSession, 'changelog' | 'source' | 'token'>
  readonly source: LogSource
  readonly signal: AbortSignal
}

/**
 * The error for an entry that cannot be read. A store that returns other bytes than the changelog has is at fault itself, and the
 * changelog is not: the task continues once the store is rebuilt.
 *
 * @param error of decoding the entry
 * @returns the error itself if the changelog has the same bytes; else `STORE_CORRUPT`
 */
export async function damagedEntry(
  error: unknown,
  [key, value]: StoredEntry,
  { store, session, source: log, signal }: DamagedEntryOptions,
): Promise<unknown> {
  if (!isJoineryError(error, 'CHANGELOG_INVALID')) return error
  const { changelog: at, source = log, token } = session
  let isInChangelog = false
  const each = (record: LogRecord) => {
    if (record.key === null || Buffer.compare(record.key, key) !== 0) return
    isInChangelog = record.value !== null && Buffer.compare(record.value, value) === 0
  }
  await replay({ source, at, from: await source.earliestOffset(at), to: token.offset, signal, each })
  return isInChangelog ? error : corruptStore(store, at.partition, error)
}

/** @returns the error of a store that returns bytes which the runtime has not written */
export function corruptStore(store: string, partition: number, cause: JoineryError): JoineryError {
  const message = `store ${store}[${partition}] returned an entry that cannot be read, and that is not the one in the changelog (${cause.message}): delete what the store holds, and it is rebuilt from the log`
  return new JoineryError('STORE_CORRUPT', message, { cause, partition })
}
