import { isJoineryError, type NewRecord } from '@joinery/core'
import type {
  ChangelogRecord,
  CommitResult,
  OutputBuffer,
  OutputTopicInfo,
  TaskSession,
  TaskToken,
  TaskWork,
  TopicPartition,
} from '@joinery/core/log'
import { ProtocolError } from '../../protocol/protocol-error.js'
import type { BufferPool } from '../buffer-pool.js'
import { EncodedOutputs } from '../encoded-outputs.js'
import { fatalError } from '../fatal-error.js'
import type { OutputTopics } from '../output-topics.js'
import type { TransactionSize } from '../transaction-size.js'
import type { ChangelogOwnership } from './changelog-ownership.js'
import type { GroupCommit } from './group-commit.js'
import type { StableOffsetWatch } from './stable-offset-watch.js'

/** The parts of a session. */
export interface SessionParts {
  readonly token: TaskToken
  readonly openedAt: number
  readonly changelog: TopicPartition
  readonly ownership: ChangelogOwnership
  /** @returns the session's OWNER */
  readonly owner: (transactionalId: string) => ChangelogRecord
  readonly groupCommit: GroupCommit
  readonly topics: OutputTopics
  readonly size: TransactionSize
  /** Whether a later session of this process has taken the task. */
  readonly isSuperseded: () => boolean
  /** Ends what hangs in the changelog while the task runs. */
  readonly watch: Pick<StableOffsetWatch, 'committed' | 'close'>
  /** Commits processed offsets to the group, for lag monitoring only. */
  readonly publish: (offsets: ReadonlyMap<string, number>) => void
}

/**
 * A session of one task, whose commits go into the transactions of the instance. After any outcome except `'committed'` it
 * cannot be used: the task opens a new one.
 */
export class KafkaSession implements TaskSession {
  readonly token: TaskToken
  readonly openedAt: number
  readonly changelog: TopicPartition
  readonly #parts: SessionParts
  readonly #pool: BufferPool
  #isClosed = false

  constructor(parts: SessionParts) {
    this.token = parts.token
    this.openedAt = parts.openedAt
    this.changelog = parts.changelog
    this.#parts = parts
    this.#pool = parts.groupCommit.pool
  }

  get maxCommitBytes(): number {
    return this.#parts.size.maxBytes
  }

  buffer(): OutputBuffer {
    return this.#newOutputs()
  }

  async commit({ outputs, buffered, changelog, offsets }: TaskWork): Promise<CommitResult> {
    const { topics, groupCommit, ownership, owner, isSuperseded, watch, publish } = this.#parts
    if (isSuperseded()) return { outcome: 'fenced' }
    if (this.#isClosed) return { outcome: 'rejected' }
    const { accumulator, unencoded } = this.#encoded(buffered)
    try {
      const records: readonly NewRecord[] = [...unencoded, ...outputs]
      await topics.lookUp(new Set(records.map(({ topic }) => topic)))
      for (const record of records) accumulator.add(record, topics.get(record.topic) as OutputTopicInfo)
    } catch (cause) {
      return this.#failed('rejected', cause)
    }
    const filled = accumulator.batches
    let bytes = filled.reduce((sum, { builder }) => sum + builder.size, 0)
    for (const { key, value } of changelog) bytes += key.length + (value?.length ?? 0)
    const result = await groupCommit.submit({
      changelog: this.changelog,
      ownership,
      outputs: filled,
      bytes,
      // the changelog decides who owns the task, also for a commit of outputs only
      changelogRecords: (transactionalId) => (changelog.length > 0 ? changelog : [owner(transactionalId)]),
      isSuperseded,
    })
    if (result.outcome !== 'committed') return this.#failed(result.outcome, result.cause)
    publish(offsets)
    for (const { builder } of filled) this.#pool.release(builder.buffer)
    const last = result.changelog.at(-1)
    const changelogOffset = last === undefined ? -1 : last.baseOffset + last.builder.count - 1
    watch.committed(changelogOffset)
    return { outcome: 'committed', changelogOffset }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#parts.watch.close()
  }

  /** @throws JoineryError if neither a retry nor a new session can help */
  #failed(outcome: 'rejected' | 'fenced' | 'unclear', cause: unknown): CommitResult {
    this.#isClosed = true
    // the task writes dead letters in place of what the brokers refuse
    if (isJoineryError(cause, 'RECORD_REFUSED')) return { outcome, cause }
    // without an error code from the coordinator, the transaction may be committed
    const isConclusive = outcome !== 'unclear' || cause instanceof ProtocolError
    const error = isConclusive ? fatalError(cause, this.changelog.topic) : undefined
    if (error !== undefined) throw error
    return { outcome, ...(cause !== undefined && { cause }) }
  }

  #newOutputs(): EncodedOutputs {
    return new EncodedOutputs(this.#parts.topics, this.#pool)
  }

  /** @throws TypeError for a buffer of another class: its records would be lost */
  #encoded(buffered: OutputBuffer | undefined): EncodedOutputs {
    if (buffered === undefined) return this.#newOutputs()
    if (buffered instanceof EncodedOutputs) return buffered
    throw new TypeError('buffered outputs must come from buffer() of a session of this log')
  }
}
