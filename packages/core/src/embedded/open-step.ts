import { JoineryError } from '../errors.js'
import type { ChangelogRecord } from '../log/contract.js'
import type { NewRecord } from '../record.js'
import type { WriteBatch } from '../task/commit/write-batch.js'
import type { Step, StepOutcome } from './operator.js'

/** How far a step has come. */
export interface StepProgress {
  /** The number of records that were processed. */
  readonly consumed: number
  /** The number of these that had been processed before. */
  readonly repeated: number
  /** The error of the record in front of which it stopped. */
  readonly error?: JoineryError | undefined
}

/** How far a step has come, while it runs. */
export type RunningProgress = { -readonly [K in keyof StepProgress]: StepProgress[K] }

/** The ways to end a step. */
export interface StepEnds {
  readonly commit: () => Promise<void>
  readonly discard: () => void
}

/** Whether a step can still be committed or discarded. */
type StepPhase = 'open' | 'committing' | 'committed' | 'discarded'

const NEXT: Readonly<Record<StepPhase, readonly StepPhase[]>> = {
  open: ['committing', 'discarded'],
  committing: ['open', 'committed'],
  committed: [],
  discarded: [],
}

/**
 * A step that can be committed or discarded.
 *
 * ```text
 *                     commit()                the stores have it
 *   discarded ◄─── open ─────────► committing ────────────────► committed
 *      discard()    ▲                  │
 *                   └──────────────────┘ the stores failed
 * ```
 */
export class OpenStep implements Step {
  readonly consumed: number
  readonly repeated: number
  readonly outputs: readonly NewRecord[]
  readonly changelog: readonly ChangelogRecord[]
  readonly outcomes: readonly StepOutcome[]
  readonly error?: JoineryError
  readonly #ends: StepEnds
  #phase: StepPhase = 'open'

  constructor(
    batch: WriteBatch,
    changelog: readonly ChangelogRecord[],
    { consumed, repeated, error }: StepProgress,
    ends: StepEnds,
  ) {
    this.consumed = consumed
    this.repeated = repeated
    if (error !== undefined) this.error = error
    this.outputs = batch.outputs
    this.changelog = changelog
    this.outcomes = batch.outcomes.filter((outcome) => 'origin' in outcome)
    this.#ends = ends
  }

  async commit(): Promise<void> {
    this.#enter('committing')
    try {
      await this.#ends.commit()
    } catch (error) {
      this.#enter('open')
      throw error
    }
    this.#enter('committed')
  }

  discard(): void {
    this.#enter('discarded')
    this.#ends.discard()
  }

  #enter(phase: StepPhase): void {
    if (!NEXT[this.#phase].includes(phase))
      throw new JoineryError('OPTION_INVALID', `a step is committed or discarded once: this one is ${this.#phase}`)
    this.#phase = phase
  }
}
