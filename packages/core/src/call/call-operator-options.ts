import type { Claimant } from '../changelog/call-record.js'
import type { OutputTopicInfo, TopicInfo } from '../log/contract.js'

/** Options of a call operator. */
export interface CallOperatorOptions {
  readonly application: string
  readonly partition: number
  readonly outputs: ReadonlyMap<string, OutputTopicInfo>
  readonly changelog: Pick<TopicInfo, 'topic' | 'maxMessageBytes'>
  readonly claimant: Claimant
  /** Returns a new random token. */
  readonly newToken: () => string
}
