import { CALL_FAULTS, FAULTS, type Fault } from './nemesis/fault.js'
import type { SeedResult } from './run-seed.js'
import type { Workload } from './scenario/scenario.js'
import { MIN_FAULTS, MIN_STEPS } from './simulate.js'

/** Adds up the results of histories. */
export class SimulatorStatistics {
  readonly #faults: Partial<Record<Fault, number>>
  readonly #totals = { joins: 0, calls: 0, steps: 0, simulatedMs: 0, events: 0, repeated: 0, failed: 0 }

  constructor(workloads: readonly Workload[]) {
    const possible = workloads.includes('calls') ? [...FAULTS, ...CALL_FAULTS] : FAULTS
    this.#faults = Object.fromEntries(possible.map((fault) => [fault, 0]))
  }

  /**
   * Counts a history.
   *
   * @returns its failure, as one line
   */
  add({ seed, workload, steps, simulatedMs, events, wasRepeated, faults, failure }: SeedResult): string | undefined {
    const totals = this.#totals
    totals[workload]++
    totals.steps += steps
    totals.simulatedMs += Math.round(simulatedMs)
    totals.events += events
    if (wasRepeated) totals.repeated++
    for (const fault of faults) this.#faults[fault] = (this.#faults[fault] ?? 0) + 1
    const isShort = steps < MIN_STEPS || faults.length < MIN_FAULTS
    const wrong = isShort ? `seed ${seed}: the history of ${workload} is too short` : failure?.text
    if (wrong !== undefined) totals.failed++
    return wrong
  }

  get totals(): {
    /** Histories with joins. */
    readonly joins: number
    /** Histories with calls. */
    readonly calls: number
    readonly steps: number
    readonly simulatedMs: number
    readonly events: number
    /** Simulated twice, to check that they are deterministic. */
    readonly repeated: number
    readonly failed: number
    readonly faults: Readonly<Partial<Record<Fault, number>>>
  } {
    return { ...this.#totals, faults: this.#faults }
  }

  /** Faults that never occurred. */
  get missed(): readonly Fault[] {
    return (Object.keys(this.#faults) as Fault[]).filter((fault) => this.#faults[fault] === 0)
  }
}
