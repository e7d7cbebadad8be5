import { crc32c } from '../../../../kafkajs/src/protocol/record-batch/crc32c.js'
import { AT, ATTRIBUTE } from '../../../../kafkajs/src/protocol/record-batch/record-batch.js'
import { RecordBatchBuilder } from '../../../../kafkajs/src/protocol/record-batch/record-batch-builder.js'
import type { Entry, SimPartition } from './sim-partition.js'

const MAX_BATCHES = 40
const MAX_RECORDS = 5
/** One in this many compacted records leaves its batch, empty. */
const EMPTY_EVERY = 3

/** What is read of a partition. */
export interface BatchRange {
  readonly from: number
  /** The last stable offset, or the high watermark for what is not committed, too. */
  readonly end: number
  /** What exceeds it is truncated, except for the first batch if `includesFirst`. */
  readonly maxBytes: number
  readonly includesFirst: boolean
}

/** Encodes batches as they are in a log, with aborted ones and markers. */
export function batchesFrom(
  { entries }: SimPartition,
  { from, end, maxBytes, includesFirst }: BatchRange,
): { readonly bytes: Buffer; readonly next: number } {
  const batches: Buffer[] = []
  let size = 0
  let at = from
  while (at < end && batches.length < MAX_BATCHES && size < maxBytes) {
    const entry = entries[at] as Entry
    const records = [entry]
    const isPlain = (each: Entry | undefined): each is Entry =>
      each?.record !== undefined && each.compactedAt === undefined
    while (isPlain(entry) && records.length < MAX_RECORDS && at + records.length < end) {
      const next = entries[at + records.length]
      if (!isPlain(next) || next.transaction !== entry.transaction || next.epoch !== entry.epoch) break
      if (next.leaderEpoch !== entry.leaderEpoch) break
      records.push(next)
    }
    at += records.length
    const isCompacted = entry.compactedAt !== undefined
    // the last record is never compacted, so that readers reach the end
    if (isCompacted && entry.offset % EMPTY_EVERY !== 0 && at < end) continue
    const batch = entry.record === undefined ? controlBatch(entry) : isCompacted ? emptyBatch(entry) : batchOf(records)
    batches.push(batch)
    size += batch.length
  }
  const bytes = Buffer.concat(batches)
  const whole = includesFirst ? (batches[0]?.length ?? 0) : 0
  return { bytes: bytes.subarray(0, Math.max(maxBytes, whole)), next: at }
}

function batchOf(records: readonly Entry[]): Buffer {
  const builder = new RecordBatchBuilder(Buffer.allocUnsafe(512))
  for (const { record } of records)
    if (record !== undefined) builder.add(record.key, record.value, record.timestamp, record.headers)
  return finish(builder, records[0] as Entry, 0)
}

/** The batch that remains of a producer's last one after compaction. */
function emptyBatch(entry: Entry): Buffer {
  return finish(new RecordBatchBuilder(Buffer.allocUnsafe(AT.records)), entry, 0)
}

function controlBatch(entry: Entry): Buffer {
  const builder = new RecordBatchBuilder(Buffer.allocUnsafe(512))
  builder.add(Buffer.from([0, 0, 0, entry.marker === 'commit' ? 1 : 0]), Buffer.alloc(6), 0, [])
  return finish(builder, entry, ATTRIBUTE.control)
}

/** Encodes a batch with its offset in the log. */
function finish(builder: RecordBatchBuilder, entry: Entry, attributes: number): Buffer {
  const { offset, producer, epoch, leaderEpoch } = entry
  const isTransactional = producer !== undefined
  const bytes = builder.close({ producerId: producer ?? -1n, epoch, baseSequence: 0, isTransactional })
  bytes.writeBigInt64BE(BigInt(offset), AT.baseOffset)
  bytes.writeInt32BE(leaderEpoch, AT.leaderEpoch)
  bytes.writeInt32BE(Math.max(0, builder.count - 1), AT.lastOffsetDelta)
  bytes.writeInt16BE(bytes.readInt16BE(AT.attributes) | attributes, AT.attributes)
  bytes.writeUInt32BE(crc32c(bytes, AT.attributes, bytes.length), AT.crc)
  return bytes
}
