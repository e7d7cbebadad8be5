import { EPOCH } from '../../brokers/broker-time.js'
import { REQUESTS } from '../../scenario/call-values.js'
import type { Violation } from '../violation.js'
import type { CallContext } from './call-context.js'
import { type CallHistory, lastOf } from './call-history.js'

const LAW = 'I7 calls are remembered'

/** Only what is settled is forgotten: when its retention is over, and everything was read that the stream held then. */
export function remembered({ cluster, calls }: CallContext, { partition, lives }: CallHistory): Violation[] {
  const { entries } = cluster.partition(REQUESTS, partition)
  return lives.flatMap((life): Violation[] => {
    if (life.forgotten === undefined) return []
    const { state, finishedAt } = lastOf(life)
    const at = { law: LAW, partition, call: life.id }
    if (finishedAt === undefined) return [{ ...at, text: `was forgotten while it was ${state}` }]
    const over = finishedAt + calls.retentionMs - EPOCH
    const { index, position, at: when } = life.forgotten
    if (when < over) return [{ ...at, text: `was forgotten at ${when}, before ${over}, at commit ${index}` }]
    const read = position.inputs[REQUESTS]?.next ?? 0
    const end = entries.filter((entry) => entry.at <= over).length
    if (read >= end) return []
    return [{ ...at, text: `was forgotten with its stream read to ${read} of ${end}, at commit ${index}` }]
  })
}
