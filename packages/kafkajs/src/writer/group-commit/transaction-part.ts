import type { ChangelogRecord, TopicPartition } from '@joinery/core/log'
import type { OutgoingBatch } from '../outgoing-batch.js'
import type { ChangelogOwnership } from './changelog-ownership.js'

/** What one session adds to a transaction: its OWNER, or a task's work. */
export interface TransactionPart {
  readonly changelog: TopicPartition
  readonly ownership: ChangelogOwnership
  /** Filled, and not closed. */
  readonly outputs: readonly OutgoingBatch[]
  /** The approximate size of its records. */
  readonly bytes: number
  /** @returns the records for the changelog */
  readonly changelogRecords: (transactionalId: string) => readonly ChangelogRecord[]
  /** Whether a later session of this process has taken the task. */
  readonly isSuperseded: () => boolean
}

/**
 * The outcome of a part. `'rejected'` and `'fenced'`: nothing of it is in the log, and the part
 * itself is the reason, or it was submitted again too often.
 */
export type PartResult =
  | {
      readonly outcome: 'committed'
      /** The batches in the changelog. */
      readonly changelog: readonly OutgoingBatch[]
    }
  | { readonly outcome: 'rejected' | 'fenced' | 'unclear'; readonly cause: unknown }
