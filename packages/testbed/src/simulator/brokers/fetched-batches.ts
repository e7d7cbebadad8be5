import { crc32c } from '../../../../kafkajs/src/batch/crc32c.js'
import { AT, ATTRIBUTE } from '../../../../kafkajs/src/batch/record-batch.js'
import { RecordBatchBuilder } from '../../../../kafkajs/src/batch/record-batch-builder.js'
import type { Entry, SimPartition } from './sim-partition.js'

const MOST_BATCHES = 40
const MOST_RECORDS = 5
/** Of records that compaction has taken, one in so many leaves its batch, empty. */
const EMPTY = 3

/**
 * Batches from an offset to the last stable one, as they lie in a log: those that were aborted and markers among them. What does
 * not fit is cut off, but for the first batch where `hasWhole`.
 */
export function batchesFrom(
  { entries, stableEnd }: SimPartition,
  from: number,
  maxBytes: number,
  hasWhole: boolean,
): { readonly bytes: Buffer; readonly next: number } {
  const batches: Buffer[] = []
  let size = 0
  let at = from
  while (at < stableEnd && batches.length < MOST_BATCHES && size < maxBytes) {
    const entry = entries[at] as Entry
    const records = [entry]
    const isPlain = (each: Entry | undefined): each is Entry =>
      each?.record !== undefined && each.cleanedAt === undefined
    while (isPlain(entry) && records.length < MOST_RECORDS && at + records.length < stableEnd) {
      const next = entries[at + records.length]
      if (!isPlain(next) || next.transaction !== entry.transaction || next.epoch !== entry.epoch) break
      records.push(next)
    }
    at += records.length
    const isGone = entry.cleanedAt !== undefined
    // the end of a log is never compacted: readers get to it
    if (isGone && entry.offset % EMPTY !== 0 && at < stableEnd) continue
    const batch = entry.record === undefined ? marker(entry) : isGone ? empty(entry) : batchOf(records)
    batches.push(batch)
    size += batch.length
  }
  const bytes = Buffer.concat(batches)
  const whole = hasWhole ? (batches[0]?.length ?? 0) : 0
  return { bytes: bytes.subarray(0, Math.max(maxBytes, whole)), next: at }
}

function batchOf(records: readonly Entry[]): Buffer {
  const builder = new RecordBatchBuilder(Buffer.allocUnsafe(512))
  for (const { record } of records)
    if (record !== undefined) builder.add(record.key, record.value, record.timestamp, record.headers)
  return placed(builder, records[0] as Entry, 0)
}

/** What compaction leaves of a producer's last batch. */
function empty(entry: Entry): Buffer {
  return placed(new RecordBatchBuilder(Buffer.allocUnsafe(AT.records)), entry, 0)
}

function marker(entry: Entry): Buffer {
  const builder = new RecordBatchBuilder(Buffer.allocUnsafe(512))
  builder.add(Buffer.from([0, 0, 0, entry.ends === 'commit' ? 1 : 0]), Buffer.alloc(6), 0, [])
  return placed(builder, entry, ATTRIBUTE.control)
}

/** A batch at its place in the log. */
function placed(builder: RecordBatchBuilder, { offset, producer, epoch }: Entry, attributes: number): Buffer {
  const isTransactional = producer !== undefined
  const bytes = builder.seal({ id: producer ?? -1, epoch, sequence: 0, isTransactional })
  bytes.writeBigInt64BE(BigInt(offset), AT.baseOffset)
  bytes.writeInt32BE(Math.max(0, builder.count - 1), AT.lastOffsetDelta)
  bytes.writeInt16BE(bytes.readInt16BE(AT.attributes) | attributes, AT.attributes)
  bytes.writeUInt32BE(crc32c(bytes, AT.attributes, bytes.length), AT.crc)
  return bytes
}
