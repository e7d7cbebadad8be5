import { JoineryError } from '@joinery/core'
import { CODE } from '../protocol/error-codes.js'
import { fetchError } from './fetch-error.js'
import type { FetchResult } from './fetch-session.js'

/** What a response says about a partition. */
export type FetchOutcome =
  | { readonly type: 'records' }
  /** The broker does not know the epoch of what was read, and returns no records, although its log reaches as far. */
  | { readonly type: 'unknown-epoch' }
  | {
      readonly type: 'failed'
      readonly error: JoineryError
      /** Whether the log of the broker does not hold what was read. */
      readonly isTruncation: boolean
    }

/**
 * Compares what was read with the log of the broker (KIP-320). That its log lacks something counts only if it is the current
 * leader. That it does not know an epoch says nothing: compaction removes all batches of an epoch, and a broker that recovers
 * its log lists the epochs that it finds.
 */
export function fetchOutcome({ reader, fetched, isFromCurrentLeader }: FetchResult): FetchOutcome {
  const { errorCode, divergingEpoch } = fetched
  if (errorCode === CODE.NONE) {
    if (divergingEpoch.endOffset < 0) return { type: 'records' }
    if (divergingEpoch.endOffset >= reader.position) return { type: 'unknown-epoch' }
  } else if (errorCode !== CODE.OFFSET_OUT_OF_RANGE)
    return { type: 'failed', error: fetchError(errorCode, reader), isTruncation: false }
  const { topic, partition, name, position: offset, leaderEpoch } = reader
  const place = { topic, partition, offset }
  const error =
    errorCode === CODE.OFFSET_OUT_OF_RANGE
      ? fetchError(errorCode, reader)
      : new JoineryError(
          'OFFSET_OUT_OF_RANGE',
          `${name} has lost its records from offset ${divergingEpoch.endOffset} on, and had been read up to offset ${offset} (leader epoch ${leaderEpoch}): the log was truncated, for example by an unclean leader election`,
          place,
        )
  if (isFromCurrentLeader) return { type: 'failed', error, isTruncation: true }
  const unconfirmed = new JoineryError('LOG_FAILED', `to be confirmed by the leader: ${error.message}`, {
    cause: error,
    retriable: true,
    ...place,
  })
  return { type: 'failed', error: unconfirmed, isTruncation: true }
}
