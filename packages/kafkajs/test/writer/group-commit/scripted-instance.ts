import type { JoineryError } from '@joinery/core'
import { OngoingRetries } from '../../../src/connection/ongoing-retries.js'
import type { InstanceSessionsOptions } from '../../../src/writer/group-commit/instance-sessions.js'
import { OutputTopics } from '../../../src/writer/output-topics.js'
import { TransactionSize } from '../../../src/writer/transaction-size.js'
import type { ScriptedKafka } from '../scripted-kafka.js'

export const TRANSACTION_TIMEOUT_MS = 10_000
export const DELIVERY_TIMEOUT_MS = 12_000

/** An instance of the application `app` on a scripted broker: its options, and what it does apart from requests. */
export class ScriptedInstance {
  readonly name: string
  readonly topics: OutputTopics
  readonly size: TransactionSize = new TransactionSize(TRANSACTION_TIMEOUT_MS)
  /** The errors after which something is retried. */
  readonly retried: JoineryError[] = []
  readonly retries: OngoingRetries = new OngoingRetries((error) => this.retried.push(error))
  /** The offsets that were published. */
  readonly published: unknown[] = []
  /** For how long brokers have throttled it. */
  readonly throttling: { totalMs: number; passedMs: number } = { totalMs: 0, passedMs: 0 }
  /** Whether it is a member of the group; `undefined` while the group rebalances. Each heartbeat is noted in the history of requests. */
  isMember: () => boolean | undefined | Promise<boolean> = () => true
  readonly options: InstanceSessionsOptions

  constructor(kafka: ScriptedKafka, name = 'one') {
    this.name = name
    this.topics = new OutputTopics(kafka.cluster)
    this.options = {
      application: 'app',
      instance: name,
      topics: this.topics,
      size: this.size,
      retries: this.retries,
      transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
      deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
      codec: 'none',
      throttling: this.throttling,
      verifyMembership: async () => {
        kafka.note(`Heartbeat of ${name}`)
        const isMember = await this.isMember()
        if (isMember === undefined) return 'rebalancing'
        return isMember ? 'member' : 'lost'
      },
      publish: (...all) => void this.published.push(all),
    }
  }
}
