import type { LogRecord } from '@joinery/core'
import { batchHeaders, decodeBatch } from '../../../src/protocol/record-batch/record-batch-decoder.js'

export const PLACE = { topic: 'orders', partition: 3 } as const

/** @returns all records in some bytes */
export function decodeAll(bytes: Buffer, maxDecompressedBytes: number = 2 ** 20): LogRecord[] {
  const records: LogRecord[] = []
  for (const header of batchHeaders(bytes, 0, bytes.length, PLACE))
    decodeBatch(bytes, header, 0, records, { ...PLACE, maxDecompressedBytes })
  return records
}
