import { type ConsumedRecord, TopicReader } from '@joinery/testbed'

const TOPIC = '__transaction_state'
/** Before the state, a value has its version, the producer id, the epoch and the timeout. */
const STATE_AT = 2 + 8 + 2 + 4
const COMPLETE_COMMIT = 4

/** A transaction that was committed. */
interface CommittedTransaction {
  readonly transactionalId: string
  /** When its markers had been written, by the broker's clock. */
  readonly timestamp: number
}

/** @returns the transaction that a record of the coordinator's log reports as committed; `undefined` if it reports something else */
function committedTransaction({
  key,
  value,
  timestamp,
}: Pick<ConsumedRecord, 'key' | 'value' | 'timestamp'>): CommittedTransaction | undefined {
  if (key === null || value === null || value.readInt8(STATE_AT) !== COMPLETE_COMMIT) return undefined
  return { transactionalId: key.toString('utf8', 4, 4 + key.readInt16BE(2)), timestamp }
}

/**
 * Counts the transactions of an application in the transaction coordinators' log.
 *
 * @param from by the broker's clock, as is `until`
 */
export async function countCommits(broker: string, application: string, from: number, until: number): Promise<number> {
  let count = 0
  await using reader = await TopicReader.open({
    broker,
    topic: TOPIC,
    isolation: 'uncommitted',
    onRecord: (record) => {
      const committed = committedTransaction(record)
      if (committed === undefined || committed.timestamp < from || committed.timestamp >= until) return
      if (committed.transactionalId.startsWith(application)) count++
    },
  })
  await reader.readToEnd()
  return count
}
