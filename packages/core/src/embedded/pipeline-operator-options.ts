import type { Clock } from '../clock.js'
import type { OutputTopicInfo } from '../log/contract.js'
import type { CacheOptions } from '../store/row-cache.js'
import type { BlockedRecords } from '../task/blocked/blocked-records.js'

/** Options of `PipelineOperator`. */
export interface PipelineOperatorOptions {
  readonly application: string
  readonly partition: number
  readonly clock: Clock
  readonly cache: CacheOptions
  /** Finds the records for which functions block the event loop. */
  readonly blocked: BlockedRecords
  readonly outputs: ReadonlyMap<string, OutputTopicInfo>
  readonly changelog: { readonly topic: string; readonly maxMessageBytes: number }
}
