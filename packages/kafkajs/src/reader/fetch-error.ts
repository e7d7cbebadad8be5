import { JoineryError } from '@joinery/core'
import { CODE, codeName, isUnauthorized } from '../protocol/error-codes.js'
import { notAuthorized } from '../protocol/protocol-error.js'
import type { PartitionReader } from './partition-reader.js'

/** @returns the error for an error code in the response to a fetch; if it is retriable, the fetch may be repeated */
export function fetchError(code: number, { topic, partition, position: offset }: PartitionReader): JoineryError {
  if (code === CODE.OFFSET_OUT_OF_RANGE) {
    return new JoineryError(
      'OFFSET_OUT_OF_RANGE',
      `offset ${offset} of ${topic}[${partition}] is not in the log: records were deleted before they were read, or the log was truncated`,
      { topic, partition, offset },
    )
  }
  if (isUnauthorized(code)) return notAuthorized('read', `topic ${topic}`, code, topic)
  return new JoineryError('LOG_FAILED', `could not fetch ${topic}[${partition}] (${codeName(code)})`, {
    topic,
    partition,
    offset,
    retriable: true,
  })
}
