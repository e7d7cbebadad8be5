import type { CallOperator } from '../../call/call-operator.js'
import { type CallState, decodeCall } from '../../changelog/call-record.js'
import { callKey, parseChangelogKey } from '../../changelog/keys.js'
import { decodeReport, type OwnerCheckpoint, reportRecord } from '../../changelog/report-record.js'
import { decodeStorePosition } from '../../changelog/store-position.js'
import { isJoineryError, JoineryError } from '../../errors.js'
import type { LogSink, LogSource, TaskSession, TaskToken, TopicPartition } from '../../log/contract.js'
import type { LogRecord, NewRecord } from '../../record.js'
import type { WriteBatch } from '../commit/write-batch.js'
import { corruptStore, type StoredEntry } from '../restore/damaged-entry.js'
import { replay } from '../restore/replay.js'
import type { InputStart } from '../restore/start-of.js'
import type { TaskStore } from '../stores/task-store.js'

/** The calls of a task, open and finished, in a store that follows the changelog. */
export class CallStore {
  readonly store: TaskStore
  readonly #partition: number

  constructor(store: TaskStore, partition: number) {
    this.store = store
    this.#partition = partition
  }

  /** The calls with these ids, as they will be once `batches` (newest first) are committed. */
  async find(
    { plan }: CallOperator,
    ids: readonly string[],
    batches: readonly WriteBatch[],
  ): Promise<readonly (CallState | undefined)[]> {
    const keys = ids.map((id) => callKey(plan.name, id))
    const rows = await this.store.rows.read(keys, batches)
    const decode = (bytes: Uint8Array) => {
      try {
        return decodeCall(bytes, plan.stream, this.#partition)
      } catch (error) {
        throw this.#corrupt(error)
      }
    }
    return rows.map((row) => row && (row.decode({ decode }) as CallState))
  }

  /**
   * Every stored call, with its pipeline.
   *
   * @param damaged returns the error to throw if an entry cannot be read, while the task is restored
   */
  async *all(
    operators: readonly CallOperator[],
    damaged: (error: unknown, entry: StoredEntry) => unknown = (error) => this.#corrupt(error),
  ): AsyncGenerator<StoredCall, void, void> {
    const byName = new Map(operators.map((operator) => [operator.plan.name, operator]))
    for await (const entry of this.store.entries()) {
      let found: StoredCall | undefined
      try {
        found = this.#decode(byName, entry)
      } catch (error) {
        throw await damaged(error, entry)
      }
      if (found !== undefined) yield found
    }
  }

  /** Once the task is restored, the store is at fault: every stored call could be read then. */
  #corrupt(error: unknown): unknown {
    const isUnreadable = isJoineryError(error, 'CHANGELOG_INVALID')
    return isUnreadable ? corruptStore(this.store.name, this.#partition, error) : error
  }

  #decode(operators: ReadonlyMap<string, CallOperator>, [bytes, stored]: StoredEntry): StoredCall | undefined {
    const key = parseChangelogKey(bytes)
    const operator = key.kind === 'call' ? operators.get(key.pipeline) : undefined
    if (operator === undefined || key.kind !== 'call') return undefined
    return { operator, id: key.id, call: decodeCall(stored, operator.plan.stream, this.#partition) }
  }
}

/** A call in the store. */
export interface StoredCall {
  readonly operator: CallOperator
  readonly id: string
  readonly call: CallState
}

/**
 * Checks that a store has not followed the changelog further than it reaches now.
 *
 * @throws JoineryError `CHANGELOG_INVALID`
 */
export async function checkCallStore(
  position: string | undefined,
  session: TaskSession,
  reports: TopicPartition,
): Promise<void> {
  const seen = decodeStorePosition(position)
  if (seen === undefined || (seen.topic === session.token.topicId && seen.offset <= session.token.offset)) return
  throw await refuse(session, reports, 'a store has seen', { topicId: seen.topic, offset: seen.offset })
}

/** Options of {@link verifyChangelog}. */
export interface VerifyOptions {
  readonly source: LogSource
  readonly sink: LogSink
  readonly session: TaskSession
  readonly reports: TopicPartition
  /** Where to read reports from. */
  readonly from: InputStart
  readonly signal: AbortSignal
}

/**
 * Verifies, before any call is made, that the changelog holds everything that earlier owners wrote: each owner writes a
 * checkpoint with the offset of its OWNER record to the reports topic, and a changelog that was truncated or recreated
 * does not reach that offset.
 *
 * @returns the end offset of the reports: reports before it have to be applied before a call is made
 * @throws JoineryError `CHANGELOG_INVALID`; `TASK_LOST` if a later owner may have written the checkpoint
 */
export async function verifyChangelog({
  source,
  sink,
  session,
  reports,
  from,
  signal,
}: VerifyOptions): Promise<number> {
  const { token } = session
  const end = await source.endOffset(reports, 'high-watermark')
  let found: OwnerCheckpoint | undefined
  const each = (record: LogRecord) => {
    const checkpoint = decodeReport(record)
    if (checkpoint?.type !== 'owner-checkpoint') return
    const { topicId, offset, isLost } = checkpoint
    const isInChangelog = !isLost && topicId === token.topicId && offset < token.offset
    if (!isInChangelog && (found === undefined || isLost)) found = checkpoint
  }
  const { next, leaderEpoch } = from
  await replay({ source, at: reports, from: next, leaderEpoch, to: end, signal, each })
  if (found !== undefined) throw await refuse(session, reports, 'an owner wrote to', found)
  await sink.append([checkpointOf(session, reports, token)])
  return end
}

/**
 * Records the loss in the reports topic, and returns the error for it. Without that record a later start could succeed:
 * each refused start appends to the changelog, so its end would eventually pass the missing offset. Only the current owner
 * can record a loss: if this process no longer owns the task, a later owner may have written the checkpoint.
 */
async function refuse(
  session: TaskSession,
  reports: TopicPartition,
  what: string,
  seen: TaskToken & { readonly isLost?: boolean },
): Promise<JoineryError> {
  const { token, changelog } = session
  if (seen.topicId === token.topicId && !seen.isLost) {
    const outputs = [checkpointOf(session, reports, { ...seen, isLost: true })]
    const result = await session.commit({ outputs, changelog: [], offsets: new Map() })
    if (result.outcome !== 'committed')
      return new JoineryError('TASK_LOST', `task ${changelog.partition} was lost while it was opened`, {
        cause: result.cause,
        retriable: true,
        ...changelog,
      })
  }
  const here = seen.isLost ? 'which was truncated' : `this is ${token.topicId} up to ${token.offset}`
  return new JoineryError(
    'CHANGELOG_INVALID',
    `${changelog.topic}[${changelog.partition}] is not the changelog that calls were recorded in (${what} ${seen.topicId} up to ${seen.offset}, ${here}): calls may be missing, and would be made again. Give the application another name if you are sure that repeated calls do no harm`,
    changelog,
  )
}

function checkpointOf(
  { openedAt }: TaskSession,
  { topic, partition }: TopicPartition,
  of: Omit<OwnerCheckpoint, 'type'>,
): NewRecord {
  return reportRecord(topic, partition, { ...of, type: 'owner-checkpoint' }, openedAt)
}
