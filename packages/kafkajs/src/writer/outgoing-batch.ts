import type { TopicPartition } from '@joinery/core/log'
import type { RecordBatchBuilder } from '../protocol/record-batch/record-batch-builder.js'

/** A batch for one partition. Once it is closed, its bytes do not change, so a retry sends the same batch. */
export interface OutgoingBatch extends TopicPartition {
  readonly builder: RecordBatchBuilder
  closed: Buffer | undefined
  /** The offset of its first record, once the broker has acknowledged it. */
  baseOffset: number
  /** When the broker appended it, if its topic has `LogAppendTime`. */
  appendedAt: number
}

/** @returns a batch that was not sent */
export const outgoingBatch = ({ topic, partition }: TopicPartition, builder: RecordBatchBuilder): OutgoingBatch => ({
  topic,
  partition,
  builder,
  closed: undefined,
  baseOffset: -1,
  appendedAt: -1,
})
