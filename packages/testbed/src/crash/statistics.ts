import type { Verdict } from './verdict.js'

/** How often something occurred. */
export interface Hit {
  readonly what: string
  readonly times: number
  /** How often it must occur at least. */
  readonly atLeast: number
  /** The number of kills that found a transaction open. */
  readonly open?: number
  /** How many of them must have found a transaction open. */
  readonly atLeastOpen?: number
}

/** The result of one part. */
export interface PartResult {
  readonly verdicts: readonly Verdict[]
  readonly hits: readonly Hit[]
  /** Durations in milliseconds, by what was measured. */
  readonly times?: Readonly<Record<string, readonly number[]>>
}

/** The totals of a whole run. */
export interface Totals {
  readonly scenarios: number
  readonly events: number
  readonly kills: number
  /** Kills that found a transaction open. */
  readonly open: number
  readonly violations: number
}

const SHOWN = 20
/** I14, I6: kills with an open transaction matter most. */
const MIN_OPEN = 1 / 3

/** Adds up the results of all parts of a run. */
export class CrashStatistics {
  readonly #hits = new Map<string, Hit>()
  readonly #times = new Map<string, number[]>()
  #scenarios = 0
  #events = 0
  #violations = 0

  /** Counts a part, and prints its verdicts. */
  add({ verdicts, hits, times = {} }: PartResult): void {
    for (const verdict of verdicts) this.#addVerdict(verdict)
    for (const hit of hits) this.#hits.set(hit.what, sum(hit, this.#hits.get(hit.what)))
    for (const [of, some] of Object.entries(times)) this.#times.set(of, [...(this.#times.get(of) ?? []), ...some])
  }

  get totals(): Totals {
    const kills = [...this.#hits.values()].filter(({ open }) => open !== undefined)
    return {
      scenarios: this.#scenarios,
      events: this.#events,
      kills: kills.reduce((total, { times }) => total + times, 0),
      open: kills.reduce((total, { open = 0 }) => total + open, 0),
      violations: this.#violations,
    }
  }

  /** How often each thing occurred. */
  get happened(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#hits].map(([what, { times }]) => [what, times]))
  }

  /**
   * Prints how often everything occurred and how long it took.
   *
   * @param isAll whether all parts were run, so that the share of open transactions is checked
   * @returns whether everything occurred often enough
   */
  print(isAll: boolean): boolean {
    const hits = [...this.#hits.values()]
    for (const { what, times, open } of hits) {
      const transactions = open === undefined ? '' : `, ${open} with a transaction open`
      console.log(`${what.padEnd(52)}${String(times).padStart(4)}${transactions}`)
    }
    for (const [of, some] of this.#times) {
      const sorted = some.map(Math.round).sort((a, b) => a - b)
      if (sorted.length > 0)
        console.log(`${of}: median ${sorted[sorted.length >> 1]} ms, most ${sorted.at(-1)} ms, of ${sorted.length}`)
    }
    const missed = hits.filter(({ times, atLeast, open = 0, atLeastOpen = 0 }) => times < atLeast || open < atLeastOpen)
    for (const { what, times, atLeast, open = 0, atLeastOpen = 0 } of missed) {
      const transactions = atLeastOpen === 0 ? '' : `, ${open} with a transaction open instead of ${atLeastOpen}`
      console.log(`NOT REACHED: ${what}, ${times} times instead of ${atLeast}${transactions}`)
    }
    const { kills, open } = this.totals
    const isTooFew = isAll && open < kills * MIN_OPEN
    if (isTooFew) console.log(`TOO FEW: a transaction was open at ${open} of ${kills} kills`)
    return missed.length === 0 && !isTooFew
  }

  #addVerdict({ name, violations, events, outcomes, commits, drainMs, explanation }: Verdict): void {
    this.#scenarios++
    this.#events += events
    this.#violations += violations.length
    const all = commits.reduce((total, { length }) => total + length, 0)
    const counts = { scenario: name, events, outcomes, commits: all, drainMs: Math.round(drainMs) }
    console.log(JSON.stringify({ ...counts, violations: violations.length }))
    for (const { law, text, record: of } of violations.slice(0, SHOWN))
      console.log(`${law}: ${of === undefined ? '' : `${of.topic}[${of.partition}]@${of.offset} `}${text}`)
    if (explanation !== undefined) console.log(explanation)
  }
}

function sum(hit: Hit, before: Hit | undefined): Hit {
  if (before === undefined) return hit
  const { what, times, atLeast, open, atLeastOpen } = hit
  return {
    what,
    times: times + before.times,
    atLeast,
    ...(open !== undefined && { open: open + (before.open ?? 0) }),
    ...(atLeastOpen !== undefined && { atLeastOpen }),
  }
}
