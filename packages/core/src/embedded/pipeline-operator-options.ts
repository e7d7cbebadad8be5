import type { Clock } from '../clock.js'
import type { OutputTopicInfo } from '../log/contract.js'
import type { CacheOptions } from '../store/row-cache.js'

/** Options of `PipelineOperator`. */
export interface PipelineOperatorOptions {
  readonly application: string
  readonly partition: number
  readonly clock: Clock
  readonly cache: CacheOptions
  readonly outputs: ReadonlyMap<string, OutputTopicInfo>
  readonly changelog: { readonly topic: string; readonly maxMessageBytes: number }
}
