import { JoineryError } from '../errors.js'
import type { CommitResult, Guarantee, Log, OutputBuffer, TaskSession } from '../log/contract.js'

/**
 * How a commit goes wrong. `'lost'` and `'written'` are both answered `'unclear'`: the one is not in the log, the other is.
 * `'fenced-written'` is answered `'fenced'` though the log has it, as can happen when the answer comes from a later owner.
 * `'appended'` is of at-least-once alone: the outputs are in the log, the position is not, so they come again.
 */
export type CommitFault = 'rejected' | 'fenced' | 'lost' | 'written' | 'fenced-written' | 'appended'

/** What goes wrong, decided anew for each call; calls are counted from 1, over all tasks. */
export interface LogFaults {
  /** How a commit goes wrong; `undefined`: it does not. */
  readonly commit?: (call: number) => CommitFault | undefined
  /** Whether opening a session fails for now. */
  readonly open?: (call: number) => boolean
  /** Whether a request for an end fails. */
  readonly end?: (call: number) => boolean
}

/**
 * A log that fails as it is told to. What it says of a commit is what a real one would say.
 *
 * @example
 * ```ts
 * await using driver = await testDriver(notify, {
 *   // the second commit is in the log, but nobody is told
 *   log: (clock) => faultyLog(memoryLog({ clock }), { commit: (call) => (call === 2 ? 'written' : undefined) }),
 * })
 * await driver.produce(productInformation, { key: 'p1', value: { externalId: 'x1' } })
 * await driver.produce(productActivation, { key: 'p1', value: { productId: 'p1' } })
 * assert.equal(driver.consume(notifications).length, 1)
 * ```
 */
export function faultyLog<G extends Guarantee>(log: Log<G>, faults: LogFaults): Log<G> {
  let commits = 0
  let opens = 0
  let ends = 0
  const faultySession = (session: TaskSession): TaskSession => ({
    token: session.token,
    openedAt: session.openedAt,
    changelog: session.changelog,
    ...(session.source && { source: session.source }),
    close: () => session.close(),
    ...(session.buffer && { buffer: () => session.buffer?.() as OutputBuffer }),
    async commit(work): Promise<CommitResult> {
      const fault = faults.commit?.(++commits)
      if (fault === 'rejected' || fault === 'fenced') return { outcome: fault }
      if (fault === 'appended') await log.sink.append(work.outputs)
      if (fault === 'lost' || fault === 'appended') return { outcome: 'unclear' }
      const result = await session.commit(work)
      if (fault === 'written') return { outcome: 'unclear' }
      return fault === 'fenced-written' ? { outcome: 'fenced' } : result
    },
  })
  return {
    source: {
      describe: (topics) => log.source.describe(topics),
      earliestOffset: (at) => log.source.earliestOffset(at),
      read: (from, signal) => log.source.read(from, signal),
      async endOffset(at, kind) {
        if (faults.end?.(++ends)) throw unavailable('an end was asked for')
        return log.source.endOffset(at, kind)
      },
    },
    sink: log.sink,
    group: log.group,
    tasks: {
      guarantees: log.tasks.guarantees,
      prepare: (options) => log.tasks.prepare(options),
      async open(options) {
        if (faults.open?.(++opens)) throw unavailable('a session was opened')
        return faultySession(await log.tasks.open(options))
      },
    },
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  }
}

const unavailable = (when: string): JoineryError =>
  new JoineryError('LOG_FAILED', `the log was told to fail when ${when}`, { retriable: true })
