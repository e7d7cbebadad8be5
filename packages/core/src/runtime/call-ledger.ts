import type { CallOperator } from '../call/call-operator.js'
import { type CallState, decodeCall } from '../call/call-state.js'
import { decodeReport, encodeReport } from '../call/report-format.js'
import { JoineryError } from '../errors.js'
import { callKey, parseChangelogKey } from '../log/changelog-format.js'
import type { LogSink, LogSource, TaskSession, TaskToken, TopicPartition } from '../log/contract.js'
import { NO_HEADERS } from '../record.js'
import { replay } from './replay.js'
import { decodeStorePosition } from './store-position.js'
import type { TaskStore } from './task-store.js'
import type { Work } from './work.js'

/** The calls of a task, open and finished, as a store keeps them for the changelog. */
export class CallLedger {
  readonly store: TaskStore
  readonly #partition: number

  constructor(store: TaskStore, partition: number) {
    this.store = store
    this.#partition = partition
  }

  /** The calls of these ids, as they will be once `works` (newest first) are committed. */
  async find(
    { plan }: CallOperator,
    ids: readonly string[],
    works: readonly (Work | undefined)[],
  ): Promise<readonly (CallState | undefined)[]> {
    const keys = ids.map((id) => callKey(plan.name, id))
    const rows = await this.store.rows.read(keys, works)
    const decode = (bytes: Uint8Array) => decodeCall(bytes, plan.stream, this.#partition)
    return rows.map((row) => row && (row.decode({ decode }) as CallState))
  }

  /** Every stored call, with its pipeline. */
  async *all(operators: readonly CallOperator[]): AsyncGenerator<StoredCall, void, void> {
    const byName = new Map(operators.map((operator) => [operator.plan.name, operator]))
    for await (const [bytes, stored] of this.store.entries()) {
      const key = parseChangelogKey(bytes)
      const operator = key.kind === 'call' ? byName.get(key.pipeline) : undefined
      if (operator === undefined || key.kind !== 'call') continue
      yield { operator, id: key.id, call: decodeCall(stored, operator.plan.stream, this.#partition) }
    }
  }
}

/** A call in the store. */
export interface StoredCall {
  readonly operator: CallOperator
  readonly id: string
  readonly call: CallState
}

/**
 * A store that has seen more of the changelog than there is.
 *
 * @throws JoineryError `CHANGELOG_INVALID`
 */
export function checkStoreOfCalls(position: string | undefined, { token, changelog }: TaskSession): void {
  const seen = decodeStorePosition(position)
  if (seen !== undefined && (seen.topic !== token.topicId || seen.at > token.offset))
    throw lostCalls(changelog, `a store has seen ${seen.topic} up to ${seen.at}, this is`, token)
}

function lostCalls(changelog: TopicPartition, what: string, { topicId, offset }: TaskToken): JoineryError {
  return new JoineryError(
    'CHANGELOG_INVALID',
    `${changelog.topic}[${changelog.partition}] is not the changelog that calls were recorded in (${what} ${topicId} up to ${offset}): calls may have been forgotten, and would be made again. Restore it, or give the application another name if you are sure that repetitions do no harm`,
    changelog,
  )
}

/**
 * Makes sure that the changelog holds what earlier owners have written, before anything is called: each owner leaves word
 * in the reports of its OWNER record, and a changelog that was cut off or made anew does not reach up to it.
 *
 * @param from where reports are read on
 * @returns the end of the reports: what stands before it has to be applied before a call is made
 * @throws JoineryError `CHANGELOG_INVALID`; `TASK_LOST` if the word is of a later owner
 */
export async function checkLedger(
  source: LogSource,
  sink: LogSink,
  session: TaskSession,
  reports: TopicPartition,
  from: number,
  signal: AbortSignal,
): Promise<number> {
  const { token, changelog, openedAt } = session
  const end = await source.end(reports, 'written')
  const words: { readonly topicId: string; readonly offset: number }[] = []
  await replay(source, reports, from, end, signal, (record) => {
    const message = decodeReport(record)
    if (message?.type === 'ledger') words.push(message)
  })
  for (const { topicId, offset } of words) {
    const isSame = topicId === token.topicId
    if (isSame && offset < token.offset) continue
    if (isSame && (await hasOwnerFrom(offset, source, session, signal))) throw overtaken(changelog)
    throw lostCalls(changelog, `an owner wrote to ${topicId} at ${offset}, this is`, token)
  }
  const word = encodeReport({ type: 'ledger', topicId: token.topicId, offset: token.offset })
  await sink.append([{ ...reports, key: null, value: word, timestamp: openedAt, headers: NO_HEADERS }])
  return end
}

/** Whether somebody became owner after this session, there or later. */
async function hasOwnerFrom(
  offset: number,
  source: LogSource,
  { token, changelog }: TaskSession,
  signal: AbortSignal,
): Promise<boolean> {
  const end = await source.end(changelog, 'written')
  let isThere = false
  await replay(source, changelog, Math.max(offset, token.offset + 1), end, signal, ({ key }) => {
    isThere ||= key !== null && parseChangelogKey(key).kind === 'owner'
  })
  return isThere
}

const overtaken = ({ topic, partition }: TopicPartition): JoineryError =>
  new JoineryError('TASK_LOST', `a later owner has opened task ${partition}`, { retriable: true, topic, partition })
