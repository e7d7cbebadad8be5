import type { Guarantee, Log } from '../../src/index.js'
import {
  type Batch,
  composeLog,
  type LogOffsets,
  type LogSource,
  type TaskSession,
  type TaskWork,
} from '../../src/log.js'
import { offsetsInMemory } from './offsets-in-memory.js'

export type AnyLog = Log<Guarantee>

/** A log with one mistake, and the test of the suite that has to find it. */
export interface WrongLog {
  /** Completes "a log that". */
  readonly what: string
  readonly section: 'reading and appending' | 'tasks' | 'tasks that commit at least once' | 'groups'
  /** A part of the title of the test. */
  readonly test: string
  readonly make: (log: AnyLog) => AnyLog
}

export const withSource = (log: AnyLog, change: (source: LogSource) => Partial<LogSource>): AnyLog => ({
  ...log,
  source: { ...log.source, ...change(log.source) },
})

/** Changes every batch. */
export const withBatches = (log: AnyLog, change: (batch: Batch, from: number) => Batch): AnyLog =>
  withSource(log, (source) => ({
    async *read(from, signal) {
      for await (const batch of source.read(from, signal)) yield change(batch, from.offset)
    },
  }))

export const withSession = (
  log: AnyLog,
  change: (session: TaskSession, log: AnyLog) => Partial<TaskSession>,
): AnyLog => ({
  ...log,
  tasks: {
    guarantees: log.tasks.guarantees,
    prepare: (options) => log.tasks.prepare(options),
    async open(options) {
      const session = await log.tasks.open(options)
      return { ...session, ...change(session, log) }
    },
  },
})

export const withMember = (log: AnyLog, join: (join: AnyLog['group']['join']) => AnyLog['group']['join']): AnyLog => ({
  ...log,
  group: { join: join((...args) => log.group.join(...args)) },
})

/** Replaces how the log stores offsets for tasks that commit at least once. */
export const withOffsets = (log: AnyLog, change: (offsets: LogOffsets) => LogOffsets): AnyLog => {
  const { source, sink, group, tasks } = log
  return composeLog({ source, sink, group, tasks, offsets: change(offsetsInMemory()) })
}

/** Writes the records of a commit without its session. */
export const appendAnyway = async ({ sink }: AnyLog, { changelog: at }: TaskSession, work: TaskWork): Promise<void> => {
  await sink.append(work.outputs)
  await sink.append(work.changelog.map((each) => ({ ...at, ...each, timestamp: 0, headers: [] })))
}
