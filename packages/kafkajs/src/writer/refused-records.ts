import type { LogRecord, RefusedRecord } from '@joinery/core'
import { CODE } from '../protocol/error-codes.js'
import { ProtocolError } from '../protocol/protocol-error.js'
import { RecordBatchBuilder } from '../protocol/record-batch/record-batch-builder.js'
import { batchHeaders, decodeBatch } from '../protocol/record-batch/record-batch-decoder.js'
import { type OutgoingBatch, outgoingBatch } from './outgoing-batch.js'

/** The codes with which a broker, or a proxy that validates records, refuses records for good: a retry would fail, too. */
const REFUSALS = new Set<number>([CODE.INVALID_RECORD, CODE.INVALID_TIMESTAMP, CODE.POLICY_VIOLATION])
/** After this many attempts with parts of a batch, the search ends if it has found at least one record. */
const MAX_PROBES = 100

/** The part of a Produce response that is about a batch that was not written. */
export interface ProduceFailure {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly recordErrors: readonly { readonly batchIndex: number; readonly batchIndexErrorMessage: string | null }[]
}

/** A batch that a broker refuses for good because of some of its records. */
export class BatchRefused extends ProtocolError {
  readonly batch: OutgoingBatch
  readonly failure: ProduceFailure

  constructor(batch: OutgoingBatch, failure: ProduceFailure, request: string) {
    super(failure.errorCode, request, batch.topic)
    this.batch = batch
    this.failure = failure
  }
}

/** @returns whether an error code is about records, so that the same batch without them would be written */
export const isRefusal = (code: number): boolean => REFUSALS.has(code)

/** A record that is refused, and its index in the batch. */
export interface RefusedInBatch extends RefusedRecord {
  readonly index: number
}

/**
 * Finds the records because of which a broker refuses a batch. Kafka names them. For brokers that do not, this is a binary search:
 * it tries both halves of the batch, and again both halves of each that is refused.
 *
 * @param isRefused whether brokers refuse a batch; must not commit it
 */
export async function refusedRecords(
  { batch, failure, message }: BatchRefused,
  isRefused: (batch: OutgoingBatch) => Promise<boolean>,
): Promise<readonly RefusedInBatch[]> {
  const { topic, partition } = batch
  const { errorMessage, recordErrors } = failure
  const records = recordsOf(batch)
  const refused = (record: LogRecord, reason: string | null): RefusedInBatch => {
    const { offset: index, headers } = record
    return { topic, partition, headers, index, reason: reason ?? errorMessage ?? message }
  }
  const named = recordErrors.flatMap(({ batchIndex, batchIndexErrorMessage }) => {
    const record = records[batchIndex]
    return record === undefined ? [] : [refused(record, batchIndexErrorMessage)]
  })
  if (named.length > 0) return named
  const found: LogRecord[] = []
  let probes = 0
  const search = async (suspects: readonly LogRecord[]): Promise<void> => {
    if (suspects.length === 1) found.push(...suspects)
    if (suspects.length < 2) return
    const middle = suspects.length >> 1
    for (const half of [suspects.slice(0, middle), suspects.slice(middle)]) {
      if (found.length > 0 && probes >= MAX_PROBES) return
      probes++
      if (await isRefused(batchOf(batch, half))) await search(half)
    }
  }
  await search(records)
  return found.map((record) => refused(record, null))
}

/** @returns the records of a closed batch; their offsets are their indexes */
function recordsOf({ topic, partition, builder, closed }: OutgoingBatch): readonly LogRecord[] {
  const bytes = closed as Buffer
  const source = { topic, partition, maxDecompressedBytes: builder.size }
  const records: LogRecord[] = []
  for (const header of batchHeaders(bytes, 0, bytes.length, source)) decodeBatch(bytes, header, 0, records, source)
  return records
}

function batchOf(place: OutgoingBatch, records: readonly LogRecord[]): OutgoingBatch {
  const builder = new RecordBatchBuilder()
  for (const { key, value, timestamp, headers } of records) builder.add(key, value, timestamp, headers)
  return outgoingBatch(place, builder)
}
