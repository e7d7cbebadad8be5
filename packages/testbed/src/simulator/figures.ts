import { CALL_FAULTS, FAULTS, type Fault } from './nemesis/faults.js'
import type { Played } from './play-seed.js'
import type { Workload } from './scenario/scenario.js'
import { LEAST_FAULTS, LEAST_STEPS } from './simulate.js'

/** Adds up what came of histories. */
export class SimulatorFigures {
  readonly #faults: Partial<Record<Fault, number>>
  readonly #totals = { joins: 0, calls: 0, steps: 0, simulatedMs: 0, events: 0, twice: 0, failed: 0 }

  constructor(workloads: readonly Workload[]) {
    const possible = workloads.includes('calls') ? [...FAULTS, ...CALL_FAULTS] : FAULTS
    this.#faults = Object.fromEntries(possible.map((fault) => [fault, 0]))
  }

  /** Counts a history. Answers what is wrong with it, in a line. */
  add({ seed, workload, steps, simulatedMs, events, isTwice, faults, failure }: Played): string | undefined {
    const totals = this.#totals
    totals[workload]++
    totals.steps += steps
    totals.simulatedMs += Math.round(simulatedMs)
    totals.events += events
    if (isTwice) totals.twice++
    for (const fault of faults) this.#faults[fault] = (this.#faults[fault] ?? 0) + 1
    const isShort = steps < LEAST_STEPS || faults.length < LEAST_FAULTS
    const wrong = isShort ? `seed ${seed}: too short a history of ${workload}` : failure?.text
    if (wrong !== undefined) totals.failed++
    return wrong
  }

  get totals(): {
    /** Histories of joins. */
    readonly joins: number
    /** Histories of calls. */
    readonly calls: number
    readonly steps: number
    readonly simulatedMs: number
    readonly events: number
    /** Played twice, to see that a seed gives one history. */
    readonly twice: number
    readonly failed: number
    readonly faults: Readonly<Partial<Record<Fault, number>>>
  } {
    return { ...this.#totals, faults: this.#faults }
  }

  /** Faults that never happened. */
  get missed(): readonly Fault[] {
    return (Object.keys(this.#faults) as Fault[]).filter((fault) => this.#faults[fault] === 0)
  }
}
