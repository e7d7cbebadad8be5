import { FAULTS, type Fault } from './nemesis/faults.js'
import type { Played } from './seed-player.js'
import { LEAST_FAULTS, LEAST_STEPS } from './simulate.js'

/** Adds up what came of histories. */
export class SimulatorFigures {
  readonly #faults = Object.fromEntries(FAULTS.map((fault) => [fault, 0])) as Record<Fault, number>
  readonly #totals = { seeds: 0, steps: 0, simulatedMs: 0, events: 0, twice: 0, failed: 0 }

  /** Counts a history. Answers what is wrong with it, in a line. */
  add({ seed, steps, simulatedMs, events, isTwice, faults, failure }: Played): string | undefined {
    const totals = this.#totals
    totals.seeds++
    totals.steps += steps
    totals.simulatedMs += Math.round(simulatedMs)
    totals.events += events
    if (isTwice) totals.twice++
    for (const fault of faults) this.#faults[fault]++
    const isShort = steps < LEAST_STEPS || faults.length < LEAST_FAULTS
    const wrong = isShort ? `seed ${seed}: too short a history` : failure
    if (wrong !== undefined) totals.failed++
    return wrong
  }

  get totals(): {
    readonly seeds: number
    readonly steps: number
    readonly simulatedMs: number
    readonly events: number
    /** Played twice, to see that a seed gives one history. */
    readonly twice: number
    readonly failed: number
    readonly faults: Readonly<Record<Fault, number>>
  } {
    return { ...this.#totals, faults: this.#faults }
  }

  /** Faults that never happened. */
  get missed(): readonly Fault[] {
    return FAULTS.filter((fault) => this.#faults[fault] === 0)
  }
}
