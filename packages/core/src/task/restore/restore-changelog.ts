import { failpoint } from '@joinery/failpoint'
import { checkValueVersion, OWNER_VERSION, parseChangelogKey, rowBytes } from '../../changelog/keys.js'
import { decodePosition } from '../../changelog/position-record.js'
import { JoineryError } from '../../errors.js'
import type { LogSource, TaskSession } from '../../log/contract.js'
import type { LogRecord } from '../../record.js'
import type { Change } from '../../store/contract.js'
import type { Position } from '../pipeline-fingerprint.js'
import type { TaskStore } from '../stores/task-store.js'
import { replay } from './replay.js'

/** Changes collected before they are committed to a store. */
const BATCH_SIZE = 5_000

/** The stores that follow the application's changelog. */
export interface ChangelogStores {
  readonly waiters: TaskStore
  /** By table topic. */
  readonly rows: ReadonlyMap<string, TaskStore>
  /** `undefined` if the application makes no calls. */
  readonly calls: TaskStore | undefined
}

/**
 * Brings the stores that follow the changelog up to this session's OWNER: everything before OWNER is final.
 *
 * @returns the committed POSITION; `undefined` for a task that has never committed
 * @throws JoineryError `CHANGELOG_INVALID` if the changelog lost records that a store has seen; `TASK_LOST` if another session
 *   has committed since
 */
export async function restoreChangelog(
  log: LogSource,
  session: TaskSession,
  stores: ChangelogStores,
  signal: AbortSignal,
): Promise<Position | undefined> {
  const { changelog: at, source = log } = session
  const { offset: owner } = session.token
  const earliest = await source.earliestOffset(at)
  const all = [stores.waiters, ...stores.rows.values(), ...(stores.calls === undefined ? [] : [stores.calls])]
  const starts = await Promise.all(all.map((store) => store.replayFrom(earliest, owner, session.openedAt)))
  const from = Math.min(...starts)
  const pending = new Map<TaskStore, Change[]>(all.map((store) => [store, []]))
  const startOf = new Map(all.map((store, i) => [store, starts[i] as number]))
  // older changes would revert a store, and a crash before the newer ones follow would leave it like that
  const change = (store: TaskStore | undefined, offset: number, of: Change) => {
    if (store !== undefined && offset >= (startOf.get(store) as number)) pending.get(store)?.push(of)
  }
  let position: Position | undefined
  let positionAt = from
  const flush = async (least: number) => {
    for (const [store, changes] of pending) {
      if (changes.length < least) continue
      await store.commit(changes.splice(0), positionAt)
    }
  }
  const apply = (record: LogRecord) => {
    if (record.key === null) return
    const key = parseChangelogKey(record.key)
    if (key.kind === 'owner' && record.value !== null) checkValueVersion(record.value, 'OWNER', OWNER_VERSION)
    if (key.kind === 'position' && record.value !== null) {
      position = decodePosition(record.value)
      positionAt = record.offset
    } else if (key.kind === 'waiter') change(stores.waiters, record.offset, { key: record.key, value: record.value })
    else if (key.kind === 'call') change(stores.calls, record.offset, { key: record.key, value: record.value })
    else if (key.kind === 'row') {
      const value = record.value && rowBytes(record.value)
      change(stores.rows.get(key.table), record.offset, { key: key.key, value })
    }
  }
  await replay({
    source,
    at,
    from,
    to: owner + 1,
    signal,
    each: apply,
    afterBatch: async () => {
      failpoint('restore.changelog')
      await flush(BATCH_SIZE)
    },
  })
  if (position === undefined && from > earliest) {
    if (await isSuperseded(log, session, signal))
      throw new JoineryError('TASK_LOST', `task ${at.partition} was opened elsewhere while it was restored`, {
        retriable: true,
        ...at,
      })
    throw new JoineryError(
      'CHANGELOG_INVALID',
      `no POSITION between offset ${from} and ${owner} of ${at.topic}[${at.partition}]: the changelog lost records; restore it, or reset the application`,
      at,
    )
  }
  for (const store of all) store.reached(session.openedAt)
  await flush(0)
  return position
}

/**
 * Compaction keeps the last POSITION only: if another session has written one since, it has removed those before OWNER.
 * A changelog that is no topic of the log is not compacted.
 */
async function isSuperseded(
  log: LogSource,
  { changelog, token, source }: TaskSession,
  signal: AbortSignal,
): Promise<boolean> {
  if (source !== undefined) return false
  let hasPosition = false
  const to = await log.endOffset(changelog, 'last-stable-offset')
  const each = ({ key }: LogRecord) => {
    hasPosition ||= key !== null && parseChangelogKey(key).kind === 'position'
  }
  await replay({ source: log, at: changelog, from: token.offset + 1, to, signal, each })
  return hasPosition
}
