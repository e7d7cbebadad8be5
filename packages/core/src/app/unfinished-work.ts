import { parseChangelogKey } from '../changelog/keys.js'
import { decodePosition } from '../changelog/position-record.js'
import { isJoineryError, JoineryError } from '../errors.js'
import type { Guarantee, Log, LogSource, LogTasks, TopicPartition } from '../log/contract.js'
import type { Totals } from '../outcome/totals.js'
import { withGuarantee } from './guarantee.js'

/** The last POSITION is nearly always among this many records: it ends every commit, and is followed by OWNER records. */
const LAST_RECORDS = 64

type EndKind = Parameters<LogSource['endOffset']>[1]

/**
 * Checks that exactly-once has left nothing that at-least-once would forget: it neither reads nor writes a changelog.
 *
 * @throws JoineryError `PIPELINE_CHANGED` if events wait, or calls are open; or the error of the log
 */
export async function checkNothingWaits(application: string, source: LogSource): Promise<void> {
  const topic = `${application}-changelog`
  const partitions = await partitionsOf(topic, source)
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
  await check(application, all, source, 'last-stable-offset')
}

/**
 * The tasks of a log under one guarantee. Under at-least-once, each is opened only if exactly-once has left nothing in it. The
 * check at the start is not enough: until an instance that still ran exactly-once gave up the task, events may have begun to wait.
 *
 * @returns tasks whose `open` throws as {@link checkNothingWaits}
 */
export function tasksWithNothingWaiting(guarantee: Guarantee, log: Log<never>): LogTasks<never> {
  const tasks = withGuarantee(guarantee, log)
  const { source } = log
  if (guarantee !== 'at-least-once') return tasks
  return {
    guarantees: tasks.guarantees,
    prepare: (options) => tasks.prepare(options),
    open: async (options) => {
      // the session comes first: its offsets were published after the commit of the events that they skip
      const session = await tasks.open(options)
      const { application, task: partition } = options
      const topic = `${application}-changelog`
      try {
        if (partition < (await partitionsOf(topic, source)))
          // up to the high watermark: the last transaction of the previous owner may not have its marker yet
          await check(application, [{ topic, partition }], source, 'high-watermark')
        return session
      } catch (error) {
        await session.close()
        throw error
      }
    },
  }
}

async function check(
  application: string,
  partitions: readonly TopicPartition[],
  source: LogSource,
  end: EndKind,
): Promise<void> {
  const waiting = new Map<string, number>()
  for (const at of partitions) {
    for (const [pipeline, count] of await waitingIn(at, source, end))
      waiting.set(pipeline, (waiting.get(pipeline) ?? 0) + count)
  }
  if (waiting.size === 0) return
  const counts = [...waiting].map(([pipeline, count]) => `${count} of pipeline ${pipeline}`).join(', ')
  throw new JoineryError(
    'PIPELINE_CHANGED',
    `${application} has run exactly-once, and records still wait for their rows or calls (${counts}), which at-least-once would forget: run it exactly-once until none waits, or forget them by a reset under exactly-once`,
    { topic: `${application}-changelog` },
  )
}

/** @returns 0 if there is no changelog, or none that this application may read: then it has never run exactly-once */
async function partitionsOf(topic: string, source: LogSource): Promise<number> {
  try {
    const [info] = await source.describe([topic])
    return info?.partitions ?? 0
  } catch (error) {
    if (isJoineryError(error, 'TOPIC_MISSING') || isJoineryError(error, 'NOT_AUTHORIZED')) return 0
    throw error
  }
}

/** The records that wait in one task, by pipeline, as its last commit counted them. */
async function waitingIn(
  at: TopicPartition,
  source: LogSource,
  kind: EndKind,
): Promise<readonly (readonly [string, number])[]> {
  const [earliest, end] = await Promise.all([source.earliestOffset(at), source.endOffset(at, kind)])
  for (let count = LAST_RECORDS; ; count *= 16) {
    const offset = Math.max(earliest, end - count)
    const position = await lastPosition(at, offset, end, source)
    if (position !== undefined) {
      const { totals } = decodePosition<Totals>(position)
      return Object.entries(totals).flatMap(([name, { waiting }]) => (waiting > 0 ? [[name, waiting] as const] : []))
    }
    if (offset === earliest) return []
  }
}

async function lastPosition(
  at: TopicPartition,
  offset: number,
  end: number,
  source: LogSource,
): Promise<Uint8Array | undefined> {
  let last: Uint8Array | undefined
  if (offset >= end) return last
  const stop = new AbortController()
  try {
    for await (const { records, next } of source.read({ ...at, offset }, stop.signal)) {
      for (const { key, value, offset: found } of records)
        if (found < end && key !== null && value !== null && parseChangelogKey(key).kind === 'position') last = value
      if (next >= end) break
    }
  } finally {
    stop.abort()
  }
  return last && Uint8Array.from(last)
}
