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

/** Not the name of a topic: nobody can meet one that is called so. */
const nameOf = (application: string): string => `offsets of ${application}`

/**
 * Sessions that promise at least once: outputs are appended, then the position is saved. The changelog of such a task is one
 * POSITION record, kept as offsets with metadata.
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
      const own = await this.#offsets.open({ application, task })
      const last = fromOffsets(own.saved)
      // rises with each owner, even if their clocks differ: it is saved with the offsets
      const token = Math.max(openedAt, (last?.token ?? 0) + 1)
      if (last !== undefined && (await own.save(toOffsets(last.position, token))) === 'fenced')
        throw new JoineryError('TASK_LOST', `task ${task} of ${application} is another's: an instance runs`, {
          retriable: true,
        })
      const changelog = { topic: nameOf(application), partition: task }
      return new OffsetSession({ sink: this.#sink, own, token, openedAt, changelog, position: last?.position })
    } catch (cause) {
      throw failure(`task ${task} of ${application} cannot be opened now`, cause)
    }
  }
}

class OffsetSession implements TaskSession {
  readonly token: TaskToken
  readonly openedAt: number
  readonly changelog: TopicPartition
  readonly #sink: LogSink
  readonly #own: TaskOffsets
  readonly #position: PositionRecord | undefined
  #isDead = false

  constructor(parts: {
    readonly sink: LogSink
    readonly own: TaskOffsets
    readonly token: number
    readonly openedAt: number
    readonly changelog: TopicPartition
    readonly position: PositionRecord | undefined
  }) {
    this.token = { topicId: ID, offset: parts.token }
    this.openedAt = parts.openedAt
    this.changelog = parts.changelog
    this.#sink = parts.sink
    this.#own = parts.own
    this.#position = parts.position
  }

  readonly source: NonNullable<TaskSession['source']> = {
    earliestOffset: async () => this.token.offset - 1,
    read: (from) => this.#read(from.offset),
  }

  async commit({ outputs, changelog }: TaskWork): Promise<CommitResult> {
    if (this.#isDead) return { outcome: 'fenced' }
    const position = positionIn(changelog)
    const { offset } = this.token
    try {
      if (outputs.length > 0) await this.#sink.append(outputs)
      if ((await this.#own.save(toOffsets(position, offset))) === 'saved')
        return { outcome: 'committed', changelogOffset: offset }
      this.#isDead = true
      return { outcome: 'fenced' }
    } catch (cause) {
      this.#isDead = true
      const { topic, partition } = this.changelog
      throw failure(`task ${partition}: outputs were not appended, or the ${topic} not saved`, cause)
    }
  }

  async close(): Promise<void> {
    this.#isDead = true
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

/** The position to save; there is no place for anything else, and nothing else is asked for: pipelines are checked before. */
function positionIn(changelog: readonly ChangelogRecord[]): PositionRecord {
  const last = changelog.at(-1)
  const kinds = changelog.map(({ key }) => parseChangelogKey(key).kind)
  if (last?.value == null || kinds.some((kind) => kind !== 'position'))
    throw new JoineryError(
      'PIPELINE_INVALID',
      `at-least-once keeps a position and no other state, not ${kinds.join(', ')}`,
    )
  return decodePosition(last.value)
}

function failure(what: string, cause: unknown): JoineryError {
  if (isJoineryError(cause)) return cause
  return new JoineryError('LOG_FAILED', `${what}: ${String(cause)}`, { cause, retriable: true })
}
