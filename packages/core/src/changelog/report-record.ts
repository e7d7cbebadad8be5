import type { LogRecord } from '../record.js'
import type { Decided } from './call-record.js'

/** What somebody says of a claim. */
export interface Report {
  /** Names the claim: it acts on no other. */
  readonly token: string
  readonly what: 'done' | 'not-sent' | 'in-doubt' | 'abandoned'
  /** The task's owner who holds the claim, a former owner who held it, or a person. */
  readonly by: 'owner' | 'claimant' | 'operator'
  /** With `'done'`: what is written to the sink. */
  readonly result?: Uint8Array | undefined
  /** With `'in-doubt'`: whether the claimant sends nothing more. */
  readonly finished?: boolean
  /** With `'in-doubt'`: what went wrong, in words. */
  readonly why?: string
  /** With `'not-sent'`: the call is made again though the request may have been made. */
  readonly mayBeSent?: boolean
  /** With a person's. */
  readonly decided?: Decided
}

/** A record of the reports topic. */
export type ReportMessage =
  | ({ readonly type: 'report'; readonly pipeline: string; readonly id: string } & Report)
  | OwnerCheckpoint

/** Written by each owner before it calls anything: a changelog that does not hold it has lost calls. */
export interface OwnerCheckpoint {
  readonly type: 'ledger'
  readonly topicId: string
  readonly offset: number
  /** It was looked for and not found. */
  readonly isLost?: boolean
}

/** JSON; a result's bytes in base64. */
export function encodeReport(message: ReportMessage): Uint8Array {
  if (message.type === 'ledger') return Buffer.from(JSON.stringify(message))
  const { result, ...rest } = message
  return Buffer.from(JSON.stringify({ ...rest, ...(result && { result: Buffer.from(result).toString('base64') }) }))
}

const OUTCOMES: readonly unknown[] = ['done', 'not-sent', 'in-doubt', 'abandoned']

/** `undefined` for what is no report: anybody may write to the topic, and nobody's mistake may stop the calls. */
export function decodeReport({ value }: LogRecord): ReportMessage | undefined {
  if (value === null) return undefined
  try {
    const message = JSON.parse(Buffer.from(value).toString()) as Record<string, unknown>
    if (message.type === 'ledger') {
      const { topicId, offset, isLost } = message
      if (typeof topicId !== 'string' || typeof offset !== 'number') return undefined
      return { type: 'ledger', topicId, offset, isLost: isLost === true }
    }
    const { pipeline, id, token, what, by, result, finished, why, decided } = message
    if (message.type !== 'report' || !OUTCOMES.includes(what) || (by !== 'claimant' && by !== 'operator'))
      return undefined
    if (typeof pipeline !== 'string' || typeof id !== 'string' || typeof token !== 'string') return undefined
    return {
      type: 'report',
      pipeline,
      id,
      token,
      what: what as Report['what'],
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
