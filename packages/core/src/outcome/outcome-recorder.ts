import type { Reason } from '../pipeline/dead-letter.js'
import type { OnError } from '../pipeline/option-validator.js'
import { type LogRecord, originOf } from '../record.js'
import type { Effects } from './effects.js'
import { type Failure, failureError } from './failure.js'
import type { DeadLetterCause, OutputWriter } from './output-writer.js'
import { countUp, type Totals } from './totals.js'

type OutcomeEffects = Pick<Effects, 'logTimeMs' | 'output' | 'outcome'>

/** Options of {@link OutcomeRecorder}. */
export interface OutcomeRecorderOptions {
  /** The stream or table, as named in error messages. */
  readonly input: string
  readonly onError: OnError
  readonly writer: OutputWriter
  readonly totals: Pick<Totals, 'emitted' | 'clamped' | 'dropped' | 'deadLettered' | 'inDoubt'>
}

/** Writes, counts and reports the outcome of each record of one input. */
export class OutcomeRecorder {
  readonly #options: OutcomeRecorderOptions
  readonly #writer: OutputWriter
  readonly #totals: OutcomeRecorderOptions['totals']

  constructor(options: OutcomeRecorderOptions) {
    this.#options = options
    this.#writer = options.writer
    this.#totals = options.totals
  }

  /**
   * Writes the result of a record.
   *
   * @returns a failure if the record exceeds the topic's `max.message.bytes`: then nothing was written or counted
   */
  emit(effects: OutcomeEffects, topic: string, record: LogRecord, value: Uint8Array): Failure | undefined {
    const result = this.#writer.emit(effects, topic, record, value)
    if (typeof result === 'object') return result
    if (result === 'clamped') this.#totals.clamped++
    this.#totals.emitted++
    return undefined
  }

  drop(effects: OutcomeEffects, record: LogRecord, reason: Reason): void {
    countUp(this.#totals.dropped, reason)
    effects.outcome({ type: 'dropped', reason, origin: originOf(record) })
  }

  /** @throws JoineryError `RECORD_TOO_LARGE` if the dead letter exceeds the topic's `max.message.bytes` */
  deadLetter(effects: OutcomeEffects, topic: string, record: LogRecord, cause: DeadLetterCause): void {
    const { reason, error } = cause
    this.#writeDeadLetter(effects, topic, record, cause)
    countUp(this.#totals.deadLettered, reason)
    effects.outcome({ type: 'dead-lettered', reason, origin: originOf(record), ...(error && { error }) })
  }

  /**
   * Publishes a call in doubt. That is not an outcome: the call is still open, and its record counts as waiting.
   *
   * @throws JoineryError `RECORD_TOO_LARGE` if the topic does not accept the record
   */
  inDoubt(effects: OutcomeEffects, topic: string, record: LogRecord, cause: Omit<DeadLetterCause, 'reason'>): void {
    this.#writeDeadLetter(effects, topic, record, { reason: 'in-doubt', ...cause })
    this.#totals.inDoubt = (this.#totals.inDoubt ?? 0) + 1
  }

  /**
   * Applies `onError` to a failure.
   *
   * @throws JoineryError the failure, if `onError` is `'halt'`
   */
  handleFailure(effects: OutcomeEffects, record: LogRecord, failure: Failure, ageMs = 0): void {
    const { onError, input } = this.#options
    if (onError === 'halt')
      throw failureError(failure, record, `set onError: { deadLetter } on ${input} to dead-letter such records`)
    const error = failureError(failure, record)
    this.deadLetter(effects, onError.topic, record, { reason: failure.reason, ageMs, error })
  }

  #writeDeadLetter(effects: OutcomeEffects, topic: string, record: LogRecord, cause: DeadLetterCause): void {
    if (this.#writer.deadLetter(effects, topic, record, cause) === 'clamped') this.#totals.clamped++
  }
}
