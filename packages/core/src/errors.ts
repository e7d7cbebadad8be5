import type { RefusedRecord } from './record.js'

/** Every code that a {@link JoineryError} can carry. Codes are stable within a major version; messages are not. */
export type ErrorCode =
  | 'OPTION_INVALID'
  | 'PIPELINE_INVALID'
  | 'PIPELINE_CHANGED'
  | 'PARTITIONS_CHANGED'
  | 'TOPIC_MISSING'
  | 'TOPIC_UNSUITABLE'
  | 'TOPIC_RECREATED'
  | 'NOT_AUTHORIZED'
  | 'DECODE_FAILED'
  | 'ENCODE_FAILED'
  | 'FUNCTION_THREW'
  | 'FUNCTION_BLOCKED'
  | 'RECORD_TOO_LARGE'
  | 'RECORD_REFUSED'
  | 'OFFSET_OUT_OF_RANGE'
  | 'CHANGELOG_INVALID'
  | 'CODEC_UNSUPPORTED'
  | 'RECORDS_CORRUPT'
  | 'LOG_FAILED'
  | 'LOG_CLOSED'
  | 'TASK_LOST'
  | 'CLIENT_UNSUPPORTED'
  | 'STORE_FAILED'
  | 'STORE_CLOSED'
  | 'STORE_FENCED'
  | 'STORE_BEHIND'
  | 'STORE_LOCKED'
  | 'STORE_CORRUPT'
  | 'STORE_FULL'
  | 'KEY_ELSEWHERE'
  | 'STORE_RESTORING'
  | 'APP_CLOSED'
  | 'CALL_REPEATED'
  | 'CALL_UNDECIDABLE'

/** Details of a {@link JoineryError}. */
export interface ErrorContext {
  /** The underlying error. */
  readonly cause?: unknown
  /**
   * Whether the same operation can succeed later without a change of code, configuration or data.
   * @defaultValue `false`
   */
  readonly retriable?: boolean
  /** Every problem that was found, if there can be more than one. */
  readonly problems?: readonly string[]
  /** With `RECORD_REFUSED`: every record that the log refuses. */
  readonly refused?: readonly RefusedRecord[]
  /** The topic or the store concerned. */
  readonly topic?: string
  /** The partition concerned, which is also the number of the task. */
  readonly partition?: number
  /** The offset of the record concerned. */
  readonly offset?: number
}

/** Marks errors, so that two copies of the package recognise each other's. */
const BRAND = Symbol.for('joinery.error')

/** The only error class of Joinery. Distinguish errors by `code`, with {@link isJoineryError}. */
export class JoineryError extends Error {
  /** Always `JoineryError`. */
  override readonly name = 'JoineryError'
  /** The kind of error. Programs branch on it. */
  readonly code: ErrorCode
  /** Whether the same operation can succeed later without a change of code, configuration or data. */
  readonly retriable: boolean
  /** Every problem that was found, if there can be more than one. */
  readonly problems: readonly string[] | undefined
  /** With `RECORD_REFUSED`: every record that the log refuses. */
  readonly refused: readonly RefusedRecord[] | undefined
  /** The topic or the store concerned. */
  readonly topic: string | undefined
  /** The partition concerned, which is also the number of the task. */
  readonly partition: number | undefined
  /** The offset of the record concerned. */
  readonly offset: number | undefined

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    super(`${code}: ${message}`, context.cause === undefined ? undefined : { cause: context.cause })
    Object.defineProperty(this, BRAND, { value: true })
    this.code = code
    this.retriable = context.retriable ?? false
    this.problems = context.problems
    this.refused = context.refused
    this.topic = context.topic
    this.partition = context.partition
    this.offset = context.offset
  }
}

/**
 * Checks whether a caught value is a Joinery error. It also works if two copies of the package are loaded.
 *
 * @param code the only code to accept; by default any
 * @returns whether it is one, with an accepted code
 *
 * @example
 * ```ts
 * try {
 *   topic('no/slashes', { key: text(), value: text() })
 * } catch (error) {
 *   if (!isJoineryError(error, 'OPTION_INVALID')) throw error
 *   console.log(error.code) // OPTION_INVALID
 * }
 * ```
 */
export function isJoineryError<C extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: C,
): error is JoineryError & {
  /** The code that was passed. */
  readonly code: C
} {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false
  return code === undefined || (error as { readonly code?: unknown }).code === code
}
