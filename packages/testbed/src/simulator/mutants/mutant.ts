import type { Workload } from '../scenario/scenario.js'

/** A change in one place of the source. */
export interface Edit {
  /** Relative to packages/. */
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly find: string
  readonly replace: string
}

/** A seeded bug: a mistake in the runtime or in `kafkaLog` that the simulator has to catch. */
export interface Mutant {
  readonly name: string
  /** The workload that catches it. */
  readonly workload: Workload
  readonly edits: readonly [Edit, ...Edit[]]
}

/**
 * For mutants with one edit.
 *
 * @returns a function that makes mutants of one workload
 */
export const mutantOf =
  (workload: Workload) =>
  (name: string, file: string, find: string, replace: string): Mutant => ({
    name,
    workload,
    edits: [{ file, find, replace }],
  })
