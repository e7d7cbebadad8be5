import type { TaskSession } from '../../log/contract.js'
import type { WriteBatch } from './write-batch.js'

/** The assumed size of a record's effects before any record was processed, in bytes. */
const FIRST_EFFECT_BYTES = 4_096
/** The weight of the latest batch in the average size of effects. */
const WEIGHT = 0.2

type BatchSize = Pick<WriteBatch, 'bytes' | 'logBytes'>

/**
 * How large a commit may become. There is one limit for the bytes that it holds in memory, and one for the bytes that it
 * sends to the log. The average bytes that a record adds to each determine how many records a batch may have, so that it does
 * not exceed a small limit by much.
 */
export class CommitLimits {
  readonly #maxBytes: number
  readonly #session: Pick<TaskSession, 'maxCommitBytes'>
  #effectBytes = FIRST_EFFECT_BYTES
  #effectLogBytes = FIRST_EFFECT_BYTES

  /** @param maxBytes the limit in memory; the log's own limit is read from the session, because it changes */
  constructor(maxBytes: number, session: Pick<TaskSession, 'maxCommitBytes'>) {
    this.#maxBytes = maxBytes
    this.#session = session
  }

  /** Whether the commit is due because of its size. */
  isReached({ bytes, logBytes }: BatchSize): boolean {
    return bytes >= this.#maxBytes || logBytes >= this.#maxLogBytes
  }

  /** @returns how many more records fit if they have effects of average size; at least one */
  recordsLeft({ bytes, logBytes }: BatchSize): number {
    const inMemory = (this.#maxBytes - bytes) / Math.max(1, this.#effectBytes)
    const inLog = (this.#maxLogBytes - logBytes) / Math.max(1, this.#effectLogBytes)
    return Math.max(1, Math.floor(Math.min(inMemory, inLog)))
  }

  /** Records were processed, and have added this much to the commit. */
  added(records: number, { bytes, logBytes }: BatchSize): void {
    this.#effectBytes += WEIGHT * (bytes / records - this.#effectBytes)
    this.#effectLogBytes += WEIGHT * (logBytes / records - this.#effectLogBytes)
  }

  get #maxLogBytes(): number {
    return Math.min(this.#maxBytes, this.#session.maxCommitBytes ?? this.#maxBytes)
  }
}
