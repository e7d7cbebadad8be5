import type { Machine } from '../scenario/scenario.js'

/** One place, written wrongly. */
export interface Edit {
  /** Below packages/. */
  readonly file: string
  /** Occurs exactly once. */
  readonly find: string
  readonly replace: string
}

/** A mistake that somebody could make, in the runtime or in what writes to Kafka. */
export interface Canary {
  readonly name: string
  /** What notices it. */
  readonly machine: Machine
  readonly edits: readonly [Edit, ...Edit[]]
}

/** A mistake in one place. */
export const canaryOf =
  (machine: Machine) =>
  (name: string, file: string, find: string, replace: string): Canary => ({
    name,
    machine,
    edits: [{ file, find, replace }],
  })
