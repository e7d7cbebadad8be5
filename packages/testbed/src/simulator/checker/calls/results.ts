import { ANSWERS, type SimAsk } from '../../scenario/call-values.js'
import { type CommittedEntry, textOf } from '../log-history.js'
import type { Violation } from '../violation.js'
import type { CallContext } from './call-context.js'
import type { CallHistory } from './call-history.js'

/** What becomes of a call stays so. */
const FINAL = ['done', 'abandoned']
const DECIDED_STATUS = 299

/** Each call that is done has its result in the same transaction, and no other result is written; what is settled stays settled. */
export function results({ calls, ledger }: CallContext, { partition, commits, requests }: CallHistory): Violation[] {
  const byOffset = new Map(requests.map((entry) => [entry.offset, entry]))
  for (const { commit, changes, told } of commits) {
    const wrong = (law: string, text: string, call: string): Violation[] => [
      { law, text: `${text}, at commit ${commit.index}`, partition, call },
    ]
    const answers = told.filter(({ topic }) => topic === ANSWERS)
    for (const { id, before, after } of changes) {
      if (before !== undefined && after !== undefined && FINAL.includes(before.state))
        return wrong('I10 what is settled stays so', `was ${before.state} and is ${after.state}`, id)
      if (before?.state === 'ready' && after?.state === 'in-doubt')
        return wrong('I10 what is settled stays so', 'is in doubt without a claim', id)
      const mine = answers.filter(({ offset }) => after !== undefined && offset === after.offset)
      const due = after?.state === 'done' && calls.hasSink ? 1 : 0
      if (mine.length !== due)
        return wrong('I10 one result for each call', `is ${after?.state}, with ${mine.length} results`, id)
      if (after === undefined || mine[0] === undefined) continue
      answers.splice(answers.indexOf(mine[0]), 1)
      const { number } = JSON.parse(textOf((byOffset.get(after.offset) as CommittedEntry).record.value)) as SimAsk
      const statuses = after.decided ? [DECIDED_STATUS] : ledger.of(id).map(({ status }) => status)
      const { answer } = mine[0]
      if (answer?.number !== number || !statuses.includes(answer.status))
        return wrong('I10 the result is the answer', `its result is ${JSON.stringify(answer)}`, id)
    }
    if (answers.length > 0)
      return wrong('I10 one result for each call', `a result of ${answers[0]?.offset} belongs to no call`, '')
  }
  return []
}
