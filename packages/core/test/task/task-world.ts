import { memoryLog } from '../../src/index.js'
import type { CommitResult, Guarantee, Log, LogSource, TaskSession } from '../../src/log.js'
import { ManualClock } from '../../src/testing.js'
import { notify } from '../app/activation.js'
import { type RunningTask, type RunningTaskOptions, runningTask } from './running-task.js'

/** What the log of {@link taskWorld} does differently, and what was done with it. */
export interface LogHooks {
  /** What opening a session waits for. */
  open?: (() => Promise<void>) | undefined
  /** What a commit does instead of committing, if it returns something; it may commit later all the same. */
  commit?: ((commits: () => Promise<CommitResult>) => Promise<CommitResult> | undefined) | undefined
  /** When the log says that it appended OWNER. */
  openedAt?: number
  /** What closing a session waits for. */
  close?: (() => Promise<void>) | undefined
  /** What fetching an end offset waits for. */
  endOffset?: (() => Promise<void>) | undefined
  /** Number of sessions that were to be closed. */
  closedSessions: number
  /** Number of inputs that are being read. */
  reading: number
}

/** A log with hooks, and tasks that run on it. */
export interface TaskWorld {
  readonly clock: ManualClock
  readonly log: Log<Guarantee>
  readonly hooks: LogHooks
  /** Starts a task of {@link notify}, or of another pipeline. */
  start(options?: Partial<RunningTaskOptions>): Promise<RunningTask>
}

/** It is 5,000 ms after the epoch. The topic `information` is compacted. */
export function taskWorld(): TaskWorld {
  const clock = new ManualClock(5_000)
  const inner = memoryLog({ clock, topics: { information: { cleanup: 'compact' } } })
  const hooks: LogHooks = { closedSessions: 0, reading: 0 }
  const sessionOf = (session: TaskSession): TaskSession => ({
    token: session.token,
    openedAt: hooks.openedAt ?? session.openedAt,
    changelog: session.changelog,
    commit: (work) => hooks.commit?.(() => session.commit(work)) ?? session.commit(work),
    async close() {
      hooks.closedSessions++
      await hooks.close?.()
      return session.close()
    },
  })
  const source: LogSource = {
    describe: (topics) => inner.source.describe(topics),
    earliestOffset: (at) => inner.source.earliestOffset(at),
    async endOffset(at, kind) {
      await hooks.endOffset?.()
      return inner.source.endOffset(at, kind)
    },
    async *read(from, signal) {
      hooks.reading++
      try {
        yield* inner.source.read(from, signal)
      } finally {
        hooks.reading--
      }
    },
  }
  const log = {
    ...inner,
    source,
    tasks: {
      guarantees: inner.tasks.guarantees,
      prepare: (options: Parameters<typeof inner.tasks.prepare>[0]) => inner.tasks.prepare(options),
      async open(options: Parameters<typeof inner.tasks.open>[0]) {
        await hooks.open?.()
        return sessionOf(await inner.tasks.open(options))
      },
    },
  } as unknown as Log<Guarantee>
  return { clock, log, hooks, start: (options) => runningTask({ pipeline: notify(), log, clock, ...options }) }
}
