import type { CallRecord } from '../../../changelog-records.js'
import { type CommittedEntry, textOf } from '../log-history.js'
import type { Violation } from '../violation.js'
import type { CallContext } from './call-context.js'
import type { CallHistory } from './call-history.js'

/** An open call, before and after a commit. */
interface OpenCall {
  readonly id: string
  readonly before: CallRecord | undefined
  readonly call: CallRecord
}

/** At every commit: at most `concurrency` claims, one per key, in the order of the stream; with `'block'` none next to a call in doubt. */
export function claims({ calls }: CallContext, { partition, commits, requests }: CallHistory): Violation[] {
  const { concurrency, whenInDoubt } = calls
  const byOffset = new Map(requests.map((entry) => [entry.offset, entry]))
  const byKey = new Map<string, Map<string, OpenCall>>()
  let claimed = 0
  for (const { commit, changes } of commits) {
    const touched = new Set<string>()
    for (const { id, before, after } of changes) {
      if (before?.state === 'claimed') claimed--
      if (after?.state === 'claimed') claimed++
      const call = after ?? before
      const key = call && keyOf(byOffset.get(call.offset))
      if (key === undefined || call === undefined) continue
      const open = byKey.get(key) ?? new Map<string, OpenCall>()
      byKey.set(key, open)
      touched.add(key)
      if (after === undefined || isFinished(after)) open.delete(id)
      else open.set(id, { id, before, call: after })
    }
    const wrong = (law: string, text: string, call?: string): Violation[] => [
      { law, text: `${text}, at commit ${commit.index}`, partition, ...(call !== undefined && { call }) },
    ]
    if (claimed > concurrency) return wrong('I9 claims are bounded', `${claimed} calls are claimed`)
    for (const key of touched) {
      const open = [...(byKey.get(key) as Map<string, OpenCall>).values()]
      const blocking = open.filter(
        ({ call: { state } }) => state === 'claimed' || (whenInDoubt === 'block' && state === 'in-doubt'),
      )
      if (blocking.length > 1)
        return wrong(
          'one call per key at a time',
          blocking.map(({ id, call }) => `${id} is ${call.state}`).join(', '),
          blocking[0]?.id,
        )
      const newest = blocking.find(
        ({ call, before }) => call.state === 'claimed' && before?.claim?.token !== call.claim?.token,
      )
      const overtaken = newest && open.find((other) => isOvertaken(other, newest))
      if (overtaken !== undefined)
        return wrong('I5 order of a key', `${newest?.id} was claimed before ${overtaken.id}`, overtaken.id)
      for (const each of open) byKey.get(key)?.set(each.id, { ...each, before: each.call })
    }
  }
  return []
}

/** Whether it was ready all the time although its record came first. */
function isOvertaken({ call, before }: OpenCall, newest: OpenCall): boolean {
  return (
    call.state === 'ready' && (before === undefined || before.state === 'ready') && call.offset < newest.call.offset
  )
}

const isFinished = ({ state }: CallRecord): boolean => state === 'done' || state === 'abandoned'

/** Records without a key are not ordered. */
function keyOf(entry: CommittedEntry | undefined): string | undefined {
  const key = entry?.record.key
  return key == null ? undefined : textOf(key)
}
