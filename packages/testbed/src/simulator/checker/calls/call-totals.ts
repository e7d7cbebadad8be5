import type { Totals } from '../../../changelog-records.js'
import { DOUBTS, REQUESTS } from '../../scenario/call-values.js'
import type { Violation } from '../violation.js'
import type { CallContext } from './call-context.js'
import { callFateOf } from './call-fates.js'
import type { CallCommit, CallHistory, CallLife } from './call-history.js'

type Counts = Record<string, number>

interface Expected {
  in: number
  emitted: number
  waiting: number
  readonly dropped: Counts
  readonly deadLettered: Counts
}

const up = (counts: Counts, name: string) => {
  counts[name] = (counts[name] ?? 0) + 1
}

/** I10 at every commit: each record that was read is a call, a repetition, a conflict, or has a reason; totals and letters say so. */
export function callTotals({ calls }: CallContext, { partition, requests, commits, lives }: CallHistory): Violation[] {
  const law = 'I10 conservation of calls'
  const livesOf = new Map<string, CallLife[]>()
  for (const life of lives) livesOf.set(life.id, [...(livesOf.get(life.id) ?? []), life])
  const expected: Expected = { in: 0, emitted: 0, waiting: 0, dropped: {}, deadLettered: {} }
  let at = 0
  for (const each of commits) {
    const { commit, changes } = each
    const wrong = (text: string, call?: string): Violation[] => [
      { law, text: `${text}, at commit ${commit.index}`, partition, ...(call !== undefined && { call }) },
    ]
    const next = commit.position.inputs[REQUESTS]?.next ?? 0
    const letters: string[] = []
    for (let entry = requests[at]; entry !== undefined && entry.offset < next; entry = requests[++at]) {
      expected.in++
      const fate = callFateOf(calls, entry)
      if (fate.does === 'drop') up(expected.dropped, fate.reason)
      else if (fate.does === 'dead-letter') {
        up(expected.deadLettered, fate.reason)
        letters.push(`${fate.reason} ${entry.offset}`)
      } else {
        const known = met(livesOf.get(fate.id) ?? [], entry.offset, commit.index)
        if (known === undefined) return wrong(`the record at ${entry.offset} is no call`, fate.id)
        if (known.record.offset === entry.offset) expected.waiting++
        else if (known.states[0]?.call.fingerprint === fate.fingerprint) up(expected.dropped, 'duplicate')
        else {
          up(expected.deadLettered, 'call-conflict')
          letters.push(`call-conflict ${entry.offset}`)
        }
      }
    }
    for (const { before, after } of changes) {
      if (after === undefined || before?.state === after.state) continue
      if (after.state === 'done') expected.emitted++
      if (after.state === 'abandoned') up(expected.dropped, 'abandoned')
      if (after.state === 'done' || after.state === 'abandoned') expected.waiting--
    }
    const totals = commit.position.totals[REQUESTS] as Totals
    for (const name of Object.keys(expected) as (keyof Expected)[]) {
      const [found, due] = [inWords(totals[name]), inWords(expected[name])]
      if (found !== due) return wrong(`${name} is ${found} and should be ${due}`)
    }
    const [found, due] = [lettersOf(each).sort().join(), letters.sort().join()]
    if (found !== due) return wrong(`its dead letters are ${found || 'none'} and should be ${due || 'none'}`)
  }
  return []
}

/** The call that a record made, or else the one that it found, with this commit. */
function met(lives: readonly CallLife[], offset: number, commit: number): CallLife | undefined {
  return (
    lives.find(({ record }) => record.offset === offset) ??
    lives.findLast(({ record, taken, forgotten }) => {
      const isKnown = forgotten === undefined || forgotten.index >= commit
      return record.offset < offset && taken.index <= commit && isKnown
    })
  )
}

function lettersOf({ commit, told }: CallCommit): string[] {
  const dead = commit.outcomes
    .filter(({ topic }) => topic === REQUESTS)
    .map(({ reason, offset }) => `${reason} ${offset}`)
  const conflicts = told
    .filter(({ topic, reason }) => topic === DOUBTS && reason !== 'in-doubt')
    .map(({ reason, offset }) => `${reason} ${offset}`)
  return [...dead, ...conflicts]
}

const inWords = (value: number | Readonly<Counts>): string =>
  typeof value === 'number' ? String(value) : JSON.stringify(Object.entries(value).sort())
