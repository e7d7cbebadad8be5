import type { Totals } from '../../../changelog-records.js'
import { IN_DOUBT, REQUESTS } from '../../scenario/call-values.js'
import type { Violation } from '../violation.js'
import type { CallContext } from './call-context.js'
import type { CallCommit, CallHistory, CallLifecycle } from './call-history.js'
import { expectedCall } from './expected-call.js'

type Counts = Record<string, number>

interface CallTotals {
  in: number
  emitted: number
  waiting: number
  readonly dropped: Counts
  readonly deadLettered: Counts
}

const increment = (counts: Counts, name: string) => {
  counts[name] = (counts[name] ?? 0) + 1
}

/** I10 at every commit: each consumed record is a call, a duplicate or a conflict, or has a reason; totals and dead letters agree. */
export function callTotals(
  { calls, blocking }: CallContext,
  { partition, requests, commits, lifecycles }: CallHistory,
): Violation[] {
  const law = 'I10 conservation of calls'
  const lifecyclesOf = new Map<string, CallLifecycle[]>()
  for (const lifecycle of lifecycles)
    lifecyclesOf.set(lifecycle.id, [...(lifecyclesOf.get(lifecycle.id) ?? []), lifecycle])
  const totals: CallTotals = { in: 0, emitted: 0, waiting: 0, dropped: {}, deadLettered: {} }
  let at = 0
  for (const each of commits) {
    const { commit, changes } = each
    const wrong = (text: string, call?: string): Violation[] => [
      { law, text: `${text}, at commit ${commit.index}`, partition, ...(call !== undefined && { call }) },
    ]
    const next = commit.position.inputs[REQUESTS]?.next ?? 0
    const deadLetters: string[] = []
    /** Whether the record's functions have blocked a process twice. */
    const isBlocked = (offset: number) =>
      offset === blocking?.offset &&
      partition === blocking.partition &&
      deadLettersOf(each).includes(`function-blocked ${offset}`)
    for (let entry = requests[at]; entry !== undefined && entry.offset < next; entry = requests[++at]) {
      totals.in++
      const expected = expectedCall(calls, entry)
      if (expected.type === 'drop') increment(totals.dropped, expected.reason)
      else if (expected.type === 'dead-letter') {
        increment(totals.deadLettered, expected.reason)
        deadLetters.push(`${expected.reason} ${entry.offset}`)
      } else {
        const known = findCall(lifecyclesOf.get(expected.id) ?? [], entry.offset, commit.index)
        if (known === undefined && isBlocked(entry.offset)) {
          increment(totals.deadLettered, 'function-blocked')
          deadLetters.push(`function-blocked ${entry.offset}`)
          continue
        }
        if (known === undefined) return wrong(`the record at ${entry.offset} did not become a call`, expected.id)
        if (known.record.offset === entry.offset) totals.waiting++
        else if (known.states[0]?.call.fingerprint === expected.fingerprint) increment(totals.dropped, 'duplicate')
        else {
          increment(totals.deadLettered, 'call-conflict')
          deadLetters.push(`call-conflict ${entry.offset}`)
        }
      }
    }
    for (const { before, after } of changes) {
      if (after === undefined || before?.state === after.state) continue
      if (after.state === 'done') totals.emitted++
      if (after.state === 'abandoned' && isBlocked(after.offset)) {
        increment(totals.deadLettered, 'function-blocked')
        deadLetters.push(`function-blocked ${after.offset}`)
      } else if (after.state === 'abandoned') increment(totals.dropped, 'abandoned')
      if (after.state === 'done' || after.state === 'abandoned') totals.waiting--
    }
    const written = commit.position.totals[REQUESTS] as Totals
    for (const name of Object.keys(totals) as (keyof CallTotals)[]) {
      const [found, due] = [textOfCounts(written[name]), textOfCounts(totals[name])]
      if (found !== due) return wrong(`${name} is ${found}, expected ${due}`)
    }
    const [found, due] = [deadLettersOf(each).sort().join(), deadLetters.sort().join()]
    if (found !== due) return wrong(`its dead letters are ${found || 'none'}, expected ${due || 'none'}`)
  }
  return []
}

/** @returns the call that a record started, or the one that was there already, at a commit */
function findCall(lifecycles: readonly CallLifecycle[], offset: number, commit: number): CallLifecycle | undefined {
  return (
    lifecycles.find(({ record }) => record.offset === offset) ??
    lifecycles.findLast(({ record, acceptedBy, deletedBy }) => {
      const isKnown = deletedBy === undefined || deletedBy.index >= commit
      return record.offset < offset && acceptedBy.index <= commit && isKnown
    })
  )
}

function deadLettersOf({ commit, outputs }: CallCommit): string[] {
  const dead = commit.outcomes
    .filter(({ topic }) => topic === REQUESTS)
    .map(({ reason, offset }) => `${reason} ${offset}`)
  const conflicts = outputs
    .filter(({ topic, reason }) => topic === IN_DOUBT && reason !== 'in-doubt')
    .map(({ reason, offset }) => `${reason} ${offset}`)
  return [...dead, ...conflicts]
}

const textOfCounts = (value: number | Readonly<Counts>): string =>
  typeof value === 'number' ? String(value) : JSON.stringify(Object.entries(value).sort())
