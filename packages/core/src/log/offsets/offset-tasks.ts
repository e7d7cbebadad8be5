import { POSITION_KEY, parseChangelogKey } from '../../changelog/keys.js'
import { decodePosition, encodePosition, type PositionRecord } from '../../changelog/position-record.js'
import type { Clock } from '../../clock.js'
import { isJoineryError, JoineryError } from '../../errors.js'
import { type LogRecord, NO_HEADERS } from '../../record.js'
import type {
  Batch,
  ChangelogRecord,
  CommitResult,
  LogOffsets,
  LogSink,
  LogTasks,
  TaskOffsets,
  TaskSession,
  TaskToken,
  TaskWork,
  TopicInfo,
  TopicPartition,
} from '../contract.js'
import { fromOffsets, toOffsets } from './position-offsets.js'

const ID = 'offsets'
const UNBOUNDED = 2 ** 31 - 1

/** Contains spaces, so that no topic can have the same name. */
const nameOf = (application: string): string => `offsets of ${application}`

/**
 * Opens sessions that commit at least once: they append outputs, then save the position. The changelog of such a task is a
 * single POSITION record, stored as offsets with metadata.
 */
export class OffsetTasks implements LogTasks<'at-least-once'> {
  readonly guarantees = ['at-least-once'] as const
  readonly #sink: LogSink
  readonly #offsets: LogOffsets
  readonly #clock: Clock

  constructor(sink: LogSink, offsets: LogOffsets, clock: Clock) {
    this.#sink = sink
    this.#offsets = offsets
    this.#clock = clock
  }

  async prepare({
    application,
    partitions,
  }: {
    readonly application: string
    readonly partitions: number
  }): Promise<TopicInfo> {
    return {
      topic: nameOf(application),
      id: ID,
      partitions,
      cleanup: 'compact',
      deleteRetentionMs: Number.MAX_SAFE_INTEGER,
      maxMessageBytes: UNBOUNDED,
    }
  }

  async open({ application, task }: { readonly application: string; readonly task: number }): Promise<TaskSession> {
    const openedAt = this.#clock.now()
    try {
      const offsets = await this.#offsets.open({ application, task })
      const last = fromOffsets(offsets.saved)
      // increases with each owner even if their clocks differ, because it is saved with the offsets
      const token = Math.max(openedAt, (last?.token ?? 0) + 1)
      if (last !== undefined && (await offsets.save(toOffsets(last.position, token))) === 'fenced')
        throw new JoineryError('TASK_LOST', `task ${task} of ${application} is owned by another running instance`, {
          retriable: true,
        })
      const changelog = { topic: nameOf(application), partition: task }
      return new OffsetSession({ sink: this.#sink, offsets, token, openedAt, changelog, position: last?.position })
    } catch (cause) {
      throw logFailed(`could not open task ${task} of ${application}`, cause)
    }
  }
}

class OffsetSession implements TaskSession {
  readonly token: TaskToken
  readonly openedAt: number
  readonly changelog: TopicPartition
  readonly #sink: LogSink
  readonly #offsets: TaskOffsets
  readonly #position: PositionRecord | undefined
  /** The outcome of every further commit. */
  #over: 'rejected' | 'fenced' | undefined

  constructor(parts: {
    readonly sink: LogSink
    readonly offsets: TaskOffsets
    readonly token: number
    readonly openedAt: number
    readonly changelog: TopicPartition
    readonly position: PositionRecord | undefined
  }) {
    this.token = { topicId: ID, offset: parts.token }
    this.openedAt = parts.openedAt
    this.changelog = parts.changelog
    this.#sink = parts.sink
    this.#offsets = parts.offsets
    this.#position = parts.position
  }

  readonly source: NonNullable<TaskSession['source']> = {
    earliestOffset: async () => this.token.offset - 1,
    read: (from) => this.#read(from.offset),
  }

  async commit({ outputs, changelog }: TaskWork): Promise<CommitResult> {
    if (this.#over !== undefined) return { outcome: this.#over }
    const position = positionIn(changelog)
    const { offset } = this.token
    try {
      if (outputs.length > 0) await this.#sink.append(outputs)
      if ((await this.#offsets.save(toOffsets(position, offset))) === 'saved')
        return { outcome: 'committed', changelogOffset: offset }
      this.#over = 'fenced'
      return { outcome: 'fenced' }
    } catch (cause) {
      this.#over = 'rejected'
      // the task writes dead letters in place of what the log refuses
      if (isJoineryError(cause, 'RECORD_REFUSED')) return { outcome: 'rejected', cause }
      const { topic, partition } = this.changelog
      throw logFailed(`could not append the outputs of task ${partition}, or save the ${topic}`, cause)
    }
  }

  async close(): Promise<void> {
    this.#over ??= 'rejected'
  }

  async *#read(from: number): AsyncGenerator<Batch, void, void> {
    const { offset } = this.token
    const records: LogRecord[] = []
    if (this.#position !== undefined && from < offset) {
      const value = encodePosition(this.#position)
      records.push({
        ...this.changelog,
        offset: offset - 1,
        key: POSITION_KEY,
        value,
        timestamp: 0,
        headers: NO_HEADERS,
      })
    }
    yield { records, next: offset + 1, end: offset + 1 }
  }
}

/** @returns the position to save. Nothing else can be saved; pipelines that would need more are rejected when they start. */
function positionIn(changelog: readonly ChangelogRecord[]): PositionRecord {
  const last = changelog.at(-1)
  const kinds = changelog.map(({ key }) => parseChangelogKey(key).kind)
  if (last?.value == null || kinds.some((kind) => kind !== 'position'))
    throw new JoineryError(
      'PIPELINE_INVALID',
      `an at-least-once session stores only a position, but the commit contains ${kinds.join(', ')}`,
    )
  return decodePosition(last.value)
}

function logFailed(what: string, cause: unknown): JoineryError {
  if (isJoineryError(cause)) return cause
  return new JoineryError('LOG_FAILED', `${what}: ${String(cause)}`, { cause, retriable: true })
}
