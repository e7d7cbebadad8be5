import type { RecordInfo } from '../pipeline/record-info.js'

/** A claim that was just written. The request may be made once the claim is committed. */
export interface NewClaim {
  readonly id: string
  readonly token: string
  readonly attempt: number
  /** In milliseconds since the epoch. */
  readonly claimedAt: number
  readonly value: unknown
  readonly info: RecordInfo<unknown>
}
