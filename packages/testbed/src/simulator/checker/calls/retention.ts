import { EPOCH } from '../../brokers/broker-time.js'
import { REQUESTS } from '../../scenario/call-values.js'
import type { Violation } from '../violation.js'
import type { CallContext } from './call-context.js'
import { type CallHistory, lastOf } from './call-history.js'

const LAW = 'I7 calls are retained'

/** Only settled calls are deleted: after their retention, and when everything was read that the stream contained by then. */
export function retention({ cluster, calls }: CallContext, { partition, lifecycles }: CallHistory): Violation[] {
  const { entries } = cluster.partition(REQUESTS, partition)
  return lifecycles.flatMap((lifecycle): Violation[] => {
    if (lifecycle.deletedBy === undefined) return []
    const { state, finishedAt } = lastOf(lifecycle)
    const at = { law: LAW, partition, call: lifecycle.id }
    if (finishedAt === undefined) return [{ ...at, text: `was deleted while it was ${state}` }]
    const over = finishedAt + calls.retentionMs - EPOCH
    const { index, position, at: when } = lifecycle.deletedBy
    if (when < over) return [{ ...at, text: `was deleted at ${when}, before ${over}, at commit ${index}` }]
    const read = position.inputs[REQUESTS]?.next ?? 0
    const end = entries.filter((entry) => entry.at <= over).length
    if (read >= end) return []
    return [{ ...at, text: `was deleted with its stream read to ${read} of ${end}, at commit ${index}` }]
  })
}
