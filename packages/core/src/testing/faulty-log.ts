import { JoineryError } from '../errors.js'
import type { CommitResult, Guarantee, Log, OutputBuffer, TaskSession } from '../log/contract.js'
import { recordsRefused } from '../log/records-refused.js'
import type { NewRecord, RefusedRecord } from '../record.js'
import { checkOptionNames } from '../unknown-options.js'

/**
 * How a commit fails.
 *
 * - `'rejected'`, `'fenced'`: it has that outcome, and nothing is written.
 * - `'lost'`: the outcome is `'unclear'`, and nothing is written.
 * - `'written'`: the outcome is `'unclear'`, and everything is written.
 * - `'fenced-written'`: the outcome is `'fenced'`, but everything is written. That happens if the client retries a commit
 *   whose response was lost, after a later owner has opened the task.
 * - `'appended'`, for at-least-once only: the outcome is `'unclear'`; the outputs are written and the position is not, so the
 *   outputs will be written again.
 */
export type CommitFault = 'rejected' | 'fenced' | 'lost' | 'written' | 'fenced-written' | 'appended'

/** Decides for each call whether it fails. Calls are counted from 1, over all tasks. */
export interface LogFaults {
  /**
   * Decides about a commit.
   *
   * @returns how it fails; `undefined` if it does not
   */
  readonly commit?: (call: number) => CommitFault | undefined
  /**
   * Decides about an output. A commit or an append that contains a refused one is rejected.
   *
   * @returns why the log refuses it for good; `undefined` if it does not
   */
  readonly refuse?: (record: NewRecord) => string | undefined
  /**
   * Decides about opening a session.
   *
   * @returns whether it fails with a retriable error
   */
  readonly open?: (call: number) => boolean
  /**
   * Decides about fetching an end offset.
   *
   * @returns whether it fails with a retriable error
   */
  readonly endOffset?: (call: number) => boolean
}

const LOG_FAULTS: Readonly<Record<keyof LogFaults, true>> = {
  commit: true,
  refuse: true,
  open: true,
  endOffset: true,
}

/**
 * Wraps a log so that calls of it fail. The outcomes that it reports are those that a real log can report.
 *
 * @returns the log that fails
 *
 * @example
 * ```ts
 * await using driver = await testDriver(notify, {
 *   // the second commit is in the log, but its response is lost
 *   log: (clock) => faultyLog(memoryLog({ clock }), { commit: (call) => (call === 2 ? 'written' : undefined) }),
 * })
 * await driver.produce(productInformation, { key: 'p1', value: { externalId: 'x1' } })
 * await driver.produce(productActivation, { key: 'p1', value: { productId: 'p1' } })
 * assert.equal(driver.consume(notifications).length, 1)
 * ```
 */
export function faultyLog<G extends Guarantee>(log: Log<G>, faults: LogFaults): Log<G> {
  checkOptionNames('faultyLog', faults, LOG_FAULTS)
  let commits = 0
  let opens = 0
  let endOffsets = 0
  const faultySession = (session: TaskSession): TaskSession => ({
    token: session.token,
    openedAt: session.openedAt,
    changelog: session.changelog,
    ...(session.source && { source: session.source }),
    close: () => session.close(),
    // what is in a buffer cannot be refused
    ...(session.buffer && !faults.refuse && { buffer: () => session.buffer?.() as OutputBuffer }),
    async commit(work): Promise<CommitResult> {
      const fault = faults.commit?.(++commits)
      if (fault === 'rejected' || fault === 'fenced') return { outcome: fault }
      const refused = refusedIn(work.outputs, faults)
      if (refused.length > 0) return { outcome: 'rejected', cause: recordsRefused(refused, undefined) }
      if (fault === 'appended') await log.sink.append(work.outputs)
      if (fault === 'lost' || fault === 'appended') return { outcome: 'unclear' }
      const result = await session.commit(work)
      if (fault === 'written') return { outcome: 'unclear' }
      return fault === 'fenced-written' ? { outcome: 'fenced' } : result
    },
  })
  return {
    source: {
      describe: (topics, outputs) => log.source.describe(topics, outputs),
      earliestOffset: (at) => log.source.earliestOffset(at),
      fetchedEnds: (at) => log.source.fetchedEnds?.(at),
      read: (from, signal) => log.source.read(from, signal),
      async endOffset(at, kind) {
        if (faults.endOffset?.(++endOffsets)) throw unavailable('fetching an end offset')
        return log.source.endOffset(at, kind)
      },
    },
    sink: {
      async append(records) {
        const refused = refusedIn(records, faults)
        if (refused.length > 0) throw recordsRefused(refused, undefined)
        return log.sink.append(records)
      },
    },
    group: log.group,
    tasks: {
      guarantees: log.tasks.guarantees,
      prepare: (options) => log.tasks.prepare(options),
      async open(options) {
        if (faults.open?.(++opens)) throw unavailable('opening a session')
        return faultySession(await log.tasks.open(options))
      },
    },
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  }
}

function refusedIn(records: readonly NewRecord[], { refuse }: LogFaults): RefusedRecord[] {
  if (refuse === undefined) return []
  return records.flatMap((record) => {
    const reason = refuse(record)
    const { topic, partition = 0, headers } = record
    return reason === undefined ? [] : [{ topic, partition, headers, reason }]
  })
}

const unavailable = (operation: string): JoineryError =>
  new JoineryError('LOG_FAILED', `faultyLog: ${operation} fails in this test`, { retriable: true })
