import { REPLIES, type SimRequest } from '../../scenario/call-values.js'
import { type CommittedEntry, textOf } from '../log-history.js'
import type { Violation } from '../violation.js'
import type { CallContext } from './call-context.js'
import type { CallHistory } from './call-history.js'

/** A call never leaves these states. */
const FINAL = ['done', 'abandoned']
const DECIDED_STATUS = 299

/** Each done call has its result in the same transaction, no other result is written, and a settled call stays settled. */
export function results({ calls, ledger }: CallContext, { partition, commits, requests }: CallHistory): Violation[] {
  const byOffset = new Map(requests.map((entry) => [entry.offset, entry]))
  for (const { commit, changes, outputs } of commits) {
    const wrong = (law: string, text: string, call: string): Violation[] => [
      { law, text: `${text}, at commit ${commit.index}`, partition, call },
    ]
    const answers = outputs.filter(({ topic }) => topic === REPLIES)
    for (const { id, before, after } of changes) {
      if (before !== undefined && after !== undefined && FINAL.includes(before.state))
        return wrong('I10 a settled call stays settled', `was ${before.state} and is ${after.state}`, id)
      if (before?.state === 'ready' && after?.state === 'in-doubt')
        return wrong('I10 a settled call stays settled', 'is in doubt without a claim', id)
      const mine = answers.filter(({ offset }) => after !== undefined && offset === after.offset)
      const due = after?.state === 'done' && calls.hasSink ? 1 : 0
      if (mine.length !== due)
        return wrong('I10 one result for each call', `is ${after?.state}, with ${mine.length} results`, id)
      if (after === undefined || mine[0] === undefined) continue
      answers.splice(answers.indexOf(mine[0]), 1)
      const { number } = JSON.parse(textOf((byOffset.get(after.offset) as CommittedEntry).record.value)) as SimRequest
      const statuses = after.decision ? [DECIDED_STATUS] : ledger.of(id).map(({ status }) => status)
      const { reply } = mine[0]
      if (reply?.number !== number || !statuses.includes(reply.status))
        return wrong('I10 the result is the reply', `its result is ${JSON.stringify(reply)}`, id)
    }
    if (answers.length > 0)
      return wrong('I10 one result for each call', `the result for ${answers[0]?.offset} belongs to no call`, '')
  }
  return []
}
