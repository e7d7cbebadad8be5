import { type LogRecord, type NewRecord, NO_HEADERS } from '../record.js'
import type { Decided } from './call-record.js'

/** The outcome of a claim. */
export interface Report {
  /** The token of the claim; the report applies to no other claim. */
  readonly token: string
  readonly outcome: 'done' | 'not-sent' | 'in-doubt' | 'abandoned'
  /** The task's owner, a previous owner that made the claim, or a person. */
  readonly by: 'owner' | 'claimant' | 'operator'
  /** With `'done'`: the value to write to the sink. */
  readonly result?: Uint8Array | undefined
  /** With `'in-doubt'`: whether the claimant sends nothing more. */
  readonly finished?: boolean
  /** With `'in-doubt'` and `'not-sent'`: the reason, as text. */
  readonly why?: string
  /** With `'not-sent'`: the request may have been made all the same, as in `mode: 'at-least-once'`. */
  readonly mayBeSent?: boolean
  /** By a person: the decision. */
  readonly decided?: Decided
}

/** A record of the reports topic. */
export type ReportMessage =
  | ({ readonly type: 'report'; readonly pipeline: string; readonly id: string } & Report)
  | OwnerCheckpoint

/** Written by each owner before it makes any call: a changelog that ends before this offset has lost calls. */
export interface OwnerCheckpoint {
  readonly type: 'ledger'
  readonly topicId: string
  readonly offset: number
  /** Whether the changelog was found to end before this offset. */
  readonly isLost?: boolean
}

/** @returns JSON, with a result's bytes in base64 */
export function encodeReport(message: ReportMessage): Uint8Array {
  if (message.type === 'ledger') return Buffer.from(JSON.stringify(message))
  const { result, ...rest } = message
  return Buffer.from(JSON.stringify({ ...rest, ...(result && { result: Buffer.from(result).toString('base64') }) }))
}

/** @returns a record to append to the reports topic */
export function reportRecord(topic: string, partition: number, message: ReportMessage, timestamp: number): NewRecord {
  return { topic, partition, key: null, value: encodeReport(message), timestamp, headers: NO_HEADERS }
}

const OUTCOMES: readonly unknown[] = ['done', 'not-sent', 'in-doubt', 'abandoned']

/**
 * @returns `undefined` for an invalid record: other programs can write to the topic, and must not be able to stop calls
 */
export function decodeReport({ value }: LogRecord): ReportMessage | undefined {
  if (value === null) return undefined
  try {
    const message = JSON.parse(Buffer.from(value).toString()) as Record<string, unknown>
    if (message.type === 'ledger') {
      const { topicId, offset, isLost } = message
      if (typeof topicId !== 'string' || typeof offset !== 'number') return undefined
      return { type: 'ledger', topicId, offset, isLost: isLost === true }
    }
    const { pipeline, id, token, outcome, by, result, finished, why, decided } = message
    if (message.type !== 'report' || !OUTCOMES.includes(outcome) || (by !== 'claimant' && by !== 'operator'))
      return undefined
    if (outcome === 'abandoned' && by !== 'operator') return undefined
    if (typeof pipeline !== 'string' || typeof id !== 'string' || typeof token !== 'string') return undefined
    return {
      type: 'report',
      pipeline,
      id,
      token,
      outcome: outcome as Report['outcome'],
      by,
      ...(typeof result === 'string' && { result: Buffer.from(result, 'base64') }),
      ...(finished === true && { finished: true }),
      ...(typeof why === 'string' && { why }),
      ...(isDecided(decided) && { decided }),
    }
  } catch {
    return undefined
  }
}

function isDecided(value: unknown): value is NonNullable<Report['decided']> {
  if (typeof value !== 'object' || value === null) return false
  const { by, why, at } = value as Record<string, unknown>
  return typeof by === 'string' && typeof why === 'string' && typeof at === 'number'
}
