import { JoineryError } from '../errors.js'
import type { ChangelogRecord } from '../log/contract.js'
import type { NewRecord } from '../record.js'
import type { WriteBatch } from '../task/write-batch.js'
import type { Step, StepOutcome } from './operator.js'

/** The ways to end a step. */
export interface StepEnds {
  readonly commit: () => Promise<void>
  readonly discard: () => void
}

/** A step that can be committed or discarded. */
export class OpenStep implements Step {
  readonly consumed: number
  readonly repeated: number
  readonly outputs: readonly NewRecord[]
  readonly changelog: readonly ChangelogRecord[]
  readonly outcomes: readonly StepOutcome[]
  readonly #ends: StepEnds
  #phase: 'open' | 'being committed' | 'committed' | 'discarded' = 'open'

  constructor(
    batch: WriteBatch,
    changelog: readonly ChangelogRecord[],
    { consumed, repeated }: { readonly consumed: number; readonly repeated: number },
    ends: StepEnds,
  ) {
    this.consumed = consumed
    this.repeated = repeated
    this.outputs = batch.outputs
    this.changelog = changelog
    this.outcomes = batch.outcomes.filter((outcome) => 'origin' in outcome)
    this.#ends = ends
  }

  async commit(): Promise<void> {
    this.#checkOpen()
    this.#phase = 'being committed'
    try {
      await this.#ends.commit()
      this.#phase = 'committed'
    } catch (error) {
      this.#phase = 'open'
      throw error
    }
  }

  discard(): void {
    this.#checkOpen()
    this.#phase = 'discarded'
    this.#ends.discard()
  }

  #checkOpen(): void {
    if (this.#phase !== 'open') throw new JoineryError('OPTION_INVALID', `the step is ${this.#phase}`)
  }
}
