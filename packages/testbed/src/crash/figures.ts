import type { Verdict } from './verdict.js'

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

/** Figures of a whole run. */
export interface Totals {
  readonly scenarios: number
  readonly events: number
  readonly kills: number
  /** Kills that found a transaction open. */
  readonly open: number
  readonly violations: number
}

const SHOWN = 20
/** I14, I6: kills that find a transaction open are those that matter most. */
const LEAST_OPEN = 1 / 3

/** Adds up what came of all parts of a run, as many times as each is played. */
export class Figures {
  readonly #hits = new Map<string, Hit>()
  readonly #times = new Map<string, number[]>()
  #scenarios = 0
  #events = 0
  #violations = 0

  /** Counts a part, and prints what was found in it. */
  add({ verdicts, hits, times = {} }: Part): void {
    for (const verdict of verdicts) this.#judged(verdict)
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

  /** How often each thing happened. */
  get happened(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#hits].map(([what, { times }]) => [what, times]))
  }

  /**
   * Prints how often everything happened and how long it took. Answers whether everything happened that had to.
   *
   * @param isAll whether nothing was left out, so that the share of open transactions counts
   */
  tell(isAll: boolean): boolean {
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
    const missed = hits.filter(({ times, least, open = 0, leastOpen = 0 }) => times < least || open < leastOpen)
    for (const { what, times, least, open = 0, leastOpen = 0 } of missed) {
      const transactions = leastOpen === 0 ? '' : `, ${open} with a transaction open instead of ${leastOpen}`
      console.log(`NOT REACHED: ${what}, ${times} times instead of ${least}${transactions}`)
    }
    const { kills, open } = this.totals
    const isTooFew = isAll && open < kills * LEAST_OPEN
    if (isTooFew) console.log(`TOO FEW: a transaction was open at ${open} of ${kills} kills`)
    return missed.length === 0 && !isTooFew
  }

  #judged({ name, violations, events, outcomes, commits, drainMs, story }: Verdict): void {
    this.#scenarios++
    this.#events += events
    this.#violations += violations.length
    const all = commits.reduce((total, { length }) => total + length, 0)
    const counts = { scenario: name, events, outcomes, commits: all, drainMs: Math.round(drainMs) }
    console.log(JSON.stringify({ ...counts, violations: violations.length }))
    for (const { law, text, of } of violations.slice(0, SHOWN))
      console.log(`${law}: ${of === undefined ? '' : `${of.topic}[${of.partition}]@${of.offset} `}${text}`)
    if (story !== undefined) console.log(story)
  }
}

function sum(hit: Hit, before: Hit | undefined): Hit {
  if (before === undefined) return hit
  const { what, times, least, open, leastOpen } = hit
  return {
    what,
    times: times + before.times,
    least,
    ...(open !== undefined && { open: open + (before.open ?? 0) }),
    ...(leastOpen !== undefined && { leastOpen }),
  }
}
