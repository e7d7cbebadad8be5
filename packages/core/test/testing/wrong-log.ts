import type { Log } from '../../src/index.js'
import type { Batch, LogSource, TaskSession, TaskWork } from '../../src/log.js'

export type ExactLog = Log<'exactly-once'>

/** A log with one mistake, and the test of the suite that has to find it. */
export interface WrongLog {
  readonly what: string
  readonly section: 'reading and appending' | 'tasks' | 'groups'
  /** In the title of a test that fails. */
  readonly test: string
  readonly make: (log: ExactLog) => ExactLog
}

export const withSource = (log: ExactLog, change: (source: LogSource) => Partial<LogSource>): ExactLog => ({
  ...log,
  source: { ...log.source, ...change(log.source) },
})

/** Batches as they come, each changed. */
export const withBatches = (log: ExactLog, change: (batch: Batch, from: number) => Batch): ExactLog =>
  withSource(log, (source) => ({
    async *read(from, signal) {
      for await (const batch of source.read(from, signal)) yield change(batch, from.offset)
    },
  }))

export const withSession = (
  log: ExactLog,
  change: (session: TaskSession, log: ExactLog) => Partial<TaskSession>,
): ExactLog => ({
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

export const withMember = (
  log: ExactLog,
  join: (join: ExactLog['group']['join']) => ExactLog['group']['join'],
): ExactLog => ({
  ...log,
  group: { join: join((...args) => log.group.join(...args)) },
})

/** Writes a commit's records past its session. */
export const appendAnyway = async (
  { sink }: ExactLog,
  { changelog: at }: TaskSession,
  work: TaskWork,
): Promise<void> => {
  await sink.append(work.outputs)
  await sink.append(work.changelog.map((each) => ({ ...at, ...each, timestamp: 0, headers: [] })))
}
