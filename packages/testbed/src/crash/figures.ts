import type { Verdict } from './scenario.js'

/** How often something happened. */
export interface Hit {
  readonly what: string
  readonly times: number
  /** How often it has to happen at least. */
  readonly least: number
  /** Of kills: how often a transaction was open then. */
  readonly open?: number
  /** How often it has to be open at least. */
  readonly leastOpen?: number
}

/** What came of a part of a run. */
export interface Part {
  readonly verdicts: readonly Verdict[]
  readonly hits: readonly Hit[]
  /** Times by what they are of, in milliseconds. */
  readonly times?: Readonly<Record<string, readonly number[]>>
}

const SHOWN = 20
/** I14, I6: kills that find a transaction open are those that matter most. */
const LEAST_OPEN = 1 / 3

/**
 * Prints figures and violations. Answers whether nothing is wrong, and everything happened that had to.
 *
 * @param isAll whether nothing was left out, so that the share of open transactions counts
 */
export function tell(parts: readonly Part[], isAll: boolean): boolean {
  const verdicts = parts.flatMap((part) => part.verdicts)
  for (const { name, violations, events, outcomes, commits, drainMs, story } of verdicts) {
    const all = commits.reduce((sum, { length }) => sum + length, 0)
    const counts = { scenario: name, events, outcomes, commits: all, drainMs: Math.round(drainMs) }
    console.log(JSON.stringify({ ...counts, violations: violations.length }))
    for (const { law, text, of } of violations.slice(0, SHOWN))
      console.log(`${law}: ${of === undefined ? '' : `${of.topic}[${of.partition}]@${of.offset} `}${text}`)
    if (story !== undefined) console.log(story)
  }
  const hits = together(parts.flatMap((part) => part.hits))
  for (const { what, times, open } of hits)
    console.log(
      `${what.padEnd(44)}${String(times).padStart(4)}${open === undefined ? '' : `, ${open} with a transaction open`}`,
    )
  tellTimes(parts)
  const missed = hits.filter(({ times, least, open = 0, leastOpen = 0 }) => times < least || open < leastOpen)
  for (const { what, times, least, open = 0, leastOpen = 0 } of missed) {
    const transactions = leastOpen === 0 ? '' : `, ${open} with a transaction open instead of ${leastOpen}`
    console.log(`NOT REACHED: ${what}, ${times} times instead of ${least}${transactions}`)
  }
  const kills = hits.filter(({ open }) => open !== undefined)
  const killed = kills.reduce((sum, { times }) => sum + times, 0)
  const open = kills.reduce((sum, each) => sum + (each.open ?? 0), 0)
  const isTooFew = isAll && open < killed * LEAST_OPEN
  if (isTooFew) console.log(`TOO FEW: a transaction was open at ${open} of ${killed} kills`)
  const violations = verdicts.reduce((sum, verdict) => sum + verdict.violations.length, 0)
  const events = verdicts.reduce((sum, verdict) => sum + verdict.events, 0)
  console.log(JSON.stringify({ scenarios: verdicts.length, events, kills: killed, open, violations }))
  return violations === 0 && missed.length === 0 && !isTooFew
}

function tellTimes(parts: readonly Part[]): void {
  const all = new Map<string, number[]>()
  for (const { times = {} } of parts)
    for (const [of, some] of Object.entries(times)) all.set(of, [...(all.get(of) ?? []), ...some])
  for (const [of, some] of all) {
    const sorted = some.map(Math.round).sort((a, b) => a - b)
    if (sorted.length > 0)
      console.log(`${of}: median ${sorted[sorted.length >> 1]} ms, most ${sorted.at(-1)} ms, of ${sorted.length}`)
  }
}

/** Adds up what has one name. */
function together(hits: readonly Hit[]): Hit[] {
  const sums = new Map<string, Hit>()
  for (const { what, times, least, open, leastOpen = 0 } of hits) {
    const sum = sums.get(what)
    const all = open === undefined ? {} : { open: open + (sum?.open ?? 0) }
    const leasts = { least: Math.max(least, sum?.least ?? 0), leastOpen: Math.max(leastOpen, sum?.leastOpen ?? 0) }
    sums.set(what, { what, times: times + (sum?.times ?? 0), ...leasts, ...all })
  }
  return [...sums.values()]
}
