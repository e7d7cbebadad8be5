import type { Instance, SimEnvironment } from '../machines/instance.js'
import type { Random } from '../random.js'

/** The targets of faults. */
export interface NemesisTargets extends SimEnvironment {
  readonly instances: readonly Instance[]
}

/** One occurrence of a fault: its targets, and its own random numbers. */
export interface Occurrence extends NemesisTargets {
  readonly random: Random
  readonly instance: Instance
  /** Whether everything has been healed. */
  isOver(): boolean
  /** Runs a function after `from` to `to` milliseconds. */
  later(from: number, to: number, act: () => void): void
}
