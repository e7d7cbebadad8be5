/** A changelog record, decoded according to docs/changelog-format.md, independently of the code under test. */
export type ChangelogEntry =
  | { readonly type: 'owner' }
  | { readonly type: 'position'; readonly position: PositionRecord }
  | { readonly type: 'waiter'; readonly pipeline: string; readonly offset: number; readonly waiter: Waiter | null }
  | { readonly type: 'row'; readonly table: string; readonly key: string; readonly value: string | null }
  | { readonly type: 'call'; readonly pipeline: string; readonly id: string; readonly call: CallRecord | null }

/** The contents of a POSITION. */
export interface PositionRecord {
  readonly writtenAt: number
  readonly inputs: Readonly<Record<string, { readonly id: string; readonly next: number }>>
  readonly totals: Readonly<Record<string, Totals>>
}

/** The outcomes of a pipeline's events. */
export interface Totals {
  readonly in: number
  readonly emitted: number
  readonly waiting: number
  readonly dropped: Readonly<Record<string, number>>
  readonly deadLettered: Readonly<Record<string, number>>
  readonly joined: Readonly<Record<string, number>>
  readonly unmatched: Readonly<Record<string, number>>
  readonly clamped: number
  readonly inDoubt?: number
}

/** The contents of a CALL, except for its record. */
export interface CallRecord {
  readonly state: 'ready' | 'claimed' | 'in-doubt' | 'done' | 'abandoned'
  readonly fingerprint: string
  readonly offset: number
  readonly attempts: number
  readonly formerTokens: readonly string[]
  /** Set in `claimed` and `in-doubt`. */
  readonly claim?: { readonly token: string; readonly claimant: { readonly host: string }; readonly claimedAt: number }
  /** Set in `in-doubt`. */
  readonly claimantFinished?: boolean
  readonly why?: string
  /** Set in `done` and `abandoned`. */
  readonly token?: string
  readonly finishedAt?: number
  readonly decision?: { readonly decidedBy: string }
}

/** The contents of a WAITER. */
export interface Waiter {
  readonly arrival: number
  readonly bytes: number
}

const TYPES = ['owner', 'position', 'waiter', 'row', 'call'] as const
/** The first byte of each value. */
const VERSION = { owner: 2, position: 1, waiter: 1, row: 1, call: 1 } as const

export function changelogEntry(key: Uint8Array, value: Uint8Array | null): ChangelogEntry {
  const bytes = Buffer.from(key)
  const type = TYPES[bytes[1] as number]
  if (bytes[0] !== 1 || type === undefined) throw new Error(`an unknown changelog key: ${bytes.toString('hex')}`)
  if (value !== null && value[0] !== VERSION[type])
    throw new Error(`an unknown version of a changelog value: ${value[0]}`)
  const content = value === null ? null : Buffer.from(value).subarray(1)
  if (type === 'owner') return { type }
  if (type === 'position') {
    if (content === null) throw new Error('a POSITION was deleted')
    return { type, position: JSON.parse(content.toString()) as PositionRecord }
  }
  const length = bytes.readUInt16BE(2)
  const name = bytes.toString('utf8', 4, 4 + length)
  const rest = bytes.subarray(4 + length)
  if (type === 'row') return { type, table: name, key: rest.toString(), value: content?.toString() ?? null }
  if (type === 'call') return { type, pipeline: name, id: rest.toString(), call: content && callOf(content) }
  const waiter = content && { arrival: content.readDoubleBE(0), bytes: content.length + 1 }
  return { type, pipeline: name, offset: Number(rest.readBigUInt64BE()), waiter }
}

function callOf(content: Buffer): CallRecord {
  return JSON.parse(content.toString('utf8', 4, 4 + content.readUInt32BE(0))) as CallRecord
}
