import type { OutputTopicInfo } from '../log/contract.js'
import type { Effects, Rows } from '../outcome/effects.js'
import type { RecordWatch } from '../outcome/record-watch.js'
import type { JoinInput } from './join-chain.js'
import type { WaitingEventsOptions } from './waiting-events.js'

/** Options of a join operator. */
export interface JoinOperatorOptions extends WaitingEventsOptions {
  readonly application: string
  /** Every topic that the plan writes to. */
  readonly outputs: ReadonlyMap<string, OutputTopicInfo>
}

/** The context in which a batch of records is processed. */
export interface JoinContext {
  readonly rows: Rows
  /** Anchored time, in milliseconds. */
  readonly now: number
  readonly effects: Effects
  /** Watches each record; set if one of them is suspected of blocking the event loop. */
  readonly watch?: RecordWatch | undefined
  /** @returns the most events of a key to evaluate before the caller gets its turn; all by default */
  readonly limit?: (() => number) | undefined
}

/** A key with events that have not been evaluated, and the rows for them. */
export interface UnfinishedKey {
  readonly key: string
  readonly input: JoinInput
}
