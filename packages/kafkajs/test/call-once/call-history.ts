import { inDoubtInfo, type LogRecord } from '@joinery/core'

/** The contents of the topics of an application with one partition, and the requests that its service received. */
export interface Evidence {
  /** The ids of the calls that were requested. */
  readonly asked: readonly string[]
  /** How many requests there were, by call. */
  readonly requests: ReadonlyMap<string, number>
  readonly changelog: readonly LogRecord[]
  readonly results: readonly LogRecord[]
  readonly inDoubt: readonly LogRecord[]
  /** The number of events that may leave calls in doubt. */
  readonly faults: number
  /** The most claims that a process may have open at once. */
  readonly concurrency: number
}

/** A call in the changelog, decoded by docs/changelog-format.md and not with the code that wrote it. */
interface Entry {
  readonly state: 'ready' | 'claimed' | 'in-doubt' | 'done' | 'abandoned'
  readonly formerTokens?: readonly string[]
  readonly claim?: { readonly token: string }
  readonly token?: string
}

interface Totals {
  readonly in: number
  readonly emitted: number
  readonly waiting: number
  readonly inDoubt?: number
  readonly dropped: Readonly<Record<string, number>>
  readonly deadLettered: Readonly<Record<string, number>>
}

const POSITION = 1
const CALL = 4

/** The outcome of each call, and the violations. */
export interface CallHistory {
  /** The last state of each call. */
  readonly found: ReadonlyMap<string, string>
  readonly violations: readonly string[]
}

/** Reads the history of the calls from the log, and checks the guarantees. */
export function callHistory(evidence: Evidence): CallHistory {
  const calls = new Map<string, Entry[]>()
  const totals: Totals[] = []
  for (const { key, value } of evidence.changelog) {
    const bytes = Buffer.from(key ?? [])
    if (value === null) continue
    const stored = Buffer.from(value)
    if (bytes[1] === CALL) {
      const id = bytes.toString('utf8', 4 + bytes.readUInt16BE(2))
      const entry = JSON.parse(stored.toString('utf8', 5, 5 + stored.readUInt32BE(1))) as Entry
      calls.set(id, [...(calls.get(id) ?? []), entry])
    } else if (bytes[1] === POSITION) {
      const { totals: found } = JSON.parse(stored.toString('utf8', 1)) as { totals: Record<string, Totals> }
      totals.push(...Object.values(found))
    }
  }
  const found = new Map(
    [...calls].map(([id, entries]) => [id, entries.at(-1)?.state.toUpperCase().replace('-', '_') ?? '']),
  )
  return {
    found,
    violations: [
      ...counted(evidence, found),
      ...claimed(calls),
      ...told(evidence, calls),
      ...conserved(evidence, totals, found),
    ],
  }
}

/** At most one request, none or one depending on the state; one result for each call that is done, and no others. */
function* counted({ requests, results }: Evidence, found: ReadonlyMap<string, string>): Generator<string> {
  const written = tally(results.map(({ key }) => Buffer.from(key ?? []).toString()))
  for (const id of new Set([...requests.keys(), ...found.keys(), ...written.keys()])) {
    const seen = requests.get(id) ?? 0
    const state = found.get(id)
    if (seen > 1) yield `call ${id} was requested ${seen} times`
    if (state === 'DONE' && seen !== 1) yield `call ${id} is done after ${seen} requests`
    if ((state === 'READY' || state === undefined) && seen !== 0) yield `call ${id} is to be made, and was requested`
    if ((written.get(id) ?? 0) !== (state === 'DONE' ? 1 : 0))
      yield `call ${id} is ${state} with ${written.get(id)} results`
  }
}

/**
 * A claim only follows READY, is new, and is never given to another process. If a person declared the previous one
 * unsent, both may be in one commit.
 */
function* claimed(calls: ReadonlyMap<string, readonly Entry[]>): Generator<string> {
  const tokens = new Set<string>()
  for (const [id, entries] of calls) {
    let before: Entry | undefined
    for (const entry of entries) {
      const token = entry.claim?.token
      if (entry.state === 'claimed' && token !== undefined) {
        if (tokens.has(token)) yield `claim ${token} was given twice`
        const isDeclared = before?.claim !== undefined && entry.formerTokens?.includes(before.claim.token)
        if (before !== undefined && before.state !== 'ready' && !isDeclared)
          yield `call ${id} was claimed while it was ${before.state}`
        tokens.add(token)
      }
      if (
        entry.state === 'in-doubt' &&
        ((before?.state !== 'in-doubt' && before?.state !== 'claimed') || before.claim?.token !== token)
      )
        yield `call ${id} is in doubt under a claim that it did not have`
      if (before?.state === 'done' || before?.state === 'abandoned')
        yield `call ${id} changed after it was ${before.state}`
      before = entry
    }
  }
}

/** Each claim that was in doubt is reported once; there are no more of them than faults can cause. */
function* told(
  { inDoubt, faults, concurrency }: Evidence,
  calls: ReadonlyMap<string, readonly Entry[]>,
): Generator<string> {
  const expected = new Set<string>()
  for (const entries of calls.values())
    for (const { state, claim } of entries) if (state === 'in-doubt' && claim !== undefined) expected.add(claim.token)
  const surfaced = tally(inDoubt.map(({ headers }) => inDoubtInfo(headers)?.token ?? 'none'))
  for (const token of new Set([...expected, ...surfaced.keys()]))
    if ((surfaced.get(token) ?? 0) !== (expected.has(token) ? 1 : 0))
      yield `claim ${token} was reported ${surfaced.get(token) ?? 0} times`
  if (expected.size > faults * concurrency) yield `${expected.size} calls are in doubt after ${faults} faults`
}

/** in = emitted + dropped + dead-lettered + waiting at every commit; at the end, the totals agree with the topics. */
function* conserved(
  { asked, inDoubt }: Evidence,
  totals: readonly Totals[],
  found: ReadonlyMap<string, string>,
): Generator<string> {
  for (const each of totals) {
    const sum = each.emitted + each.waiting + total(each.dropped) + total(each.deadLettered)
    if (each.in !== sum) yield `a commit has ${each.in} in and ${sum} out: ${JSON.stringify(each)}`
  }
  const last = totals.at(-1)
  if (last === undefined) return
  const states = [...found.values()]
  const count = (...of: readonly string[]) => states.filter((state) => of.includes(state)).length
  if (last.in !== asked.length) yield `${asked.length} were requested, ${last.in} were consumed`
  if (last.emitted !== count('DONE')) yield `${last.emitted} were emitted, ${count('DONE')} are done`
  if (last.waiting !== count('READY', 'CLAIMED', 'IN_DOUBT')) yield `${last.waiting} wait, but ${states.join()}`
  if ((last.inDoubt ?? 0) !== inDoubt.length)
    yield `${inDoubt.length} were reported in doubt, ${last.inDoubt} were counted`
}

const total = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((sum, n) => sum + n, 0)

function tally(items: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
  return counts
}
