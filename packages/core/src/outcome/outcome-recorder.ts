import type { Reason } from '../pipeline/dead-letter.js'
import type { OnError } from '../pipeline/option-validator.js'
import { type LogRecord, originOf } from '../record.js'
import type { Effects } from './effects.js'
import { type Failure, failureError } from './failure.js'
import type { DeadLetterCause, OutputWriter, Written } from './output-writer.js'
import { countUp, type Totals } from './totals.js'

type OutcomeEffects = Pick<Effects, 'logTimeMs' | 'output' | 'refusal' | 'outcome'>

/** Options of {@link OutcomeRecorder}. */
export interface OutcomeRecorderOptions {
  /** The stream or table, as named in error messages. */
  readonly input: string
  readonly plan: {
    readonly onError: OnError
    /**
     * The timestamps of results.
     * @defaultValue `'event'`
     */
    readonly timestamps?: 'event' | 'now'
  }
  readonly writer: OutputWriter
  readonly totals: Pick<Totals, 'emitted' | 'clamped' | 'olderThanRetention' | 'dropped' | 'deadLettered' | 'inDoubt'>
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
   * @returns a failure if the topic does not accept the record: then nothing was written or counted
   */
  emit(effects: OutcomeEffects, topic: string, record: LogRecord, value: Uint8Array | null): Failure | undefined {
    const timed =
      this.#options.plan.timestamps === 'now' ? { ...record, timestamp: Math.floor(effects.logTimeMs) } : record
    const result = this.#writer.emit(effects, topic, timed, value)
    if (typeof result === 'object') return result
    this.#countTimestamp(result, topic)
    this.#totals.emitted++
    return undefined
  }

  drop(effects: OutcomeEffects, record: LogRecord, reason: Reason): void {
    countUp(this.#totals.dropped, reason)
    effects.outcome({ type: 'dropped', reason, origin: originOf(record) })
  }

  /** @throws JoineryError `RECORD_TOO_LARGE` or `RECORD_REFUSED` if the topic does not accept even a shortened dead letter */
  deadLetter(effects: OutcomeEffects, topic: string, record: LogRecord, cause: DeadLetterCause): void {
    const { reason, error } = cause
    this.#writeDeadLetter(effects, topic, record, cause)
    countUp(this.#totals.deadLettered, reason)
    effects.outcome({ type: 'dead-lettered', reason, origin: originOf(record), ...(error && { error }) })
  }

  /**
   * Publishes a call in doubt. That is not an outcome: the call is still open, and its record counts as waiting.
   *
   * @throws JoineryError `RECORD_TOO_LARGE` or `RECORD_REFUSED` if the topic does not accept even a shortened one
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
    const { plan, input } = this.#options
    const { onError } = plan
    if (onError === 'halt')
      throw failureError(failure, record, `set onError: { deadLetter } on ${input} to dead-letter such records`)
    const error = failureError(failure, record)
    this.deadLetter(effects, onError.topic, record, { reason: failure.reason, ageMs, error })
  }

  #writeDeadLetter(effects: OutcomeEffects, topic: string, record: LogRecord, cause: DeadLetterCause): void {
    this.#countTimestamp(this.#writer.deadLetter(effects, topic, record, cause), topic)
  }

  #countTimestamp(written: Written, topic: string): void {
    if (written === 'clamped') this.#totals.clamped++
    else if (written === 'expired') {
      this.#totals.olderThanRetention ??= {}
      countUp(this.#totals.olderThanRetention, topic)
    }
  }
}
