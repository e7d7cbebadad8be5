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
  | 'RECORD_TOO_LARGE'
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

/** What an error is about. */
export interface ErrorContext {
  /** What failed underneath. */
  readonly cause?: unknown
  /** Whether the same attempt may succeed later without anybody changing anything; default `false`. */
  readonly retriable?: boolean
  /** All that is wrong, where more than one thing can be. */
  readonly problems?: readonly string[]
  /** The topic, or the store, that it is about. */
  readonly topic?: string
  /** The partition, which is also the number of the task. */
  readonly partition?: number
  /** The offset of the record that it is about. */
  readonly offset?: number
}

/** By it, two copies of the package recognise each other's errors. */
const BRAND = Symbol.for('joinery.error')

/** The one error class of Joinery. Tell errors apart by `code`, through {@link isJoineryError}. */
export class JoineryError extends Error {
  /** Always `JoineryError`. */
  override readonly name = 'JoineryError'
  /** What kind of error it is: the thing to branch on. */
  readonly code: ErrorCode
  /** Whether the same attempt may succeed later without anybody changing anything. */
  readonly retriable: boolean
  /** All that is wrong, where more than one thing can be. */
  readonly problems: readonly string[] | undefined
  /** The topic, or the store, that it is about. */
  readonly topic: string | undefined
  /** The partition, which is also the number of the task. */
  readonly partition: number | undefined
  /** The offset of the record that it is about. */
  readonly offset: number | undefined

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    super(`${code}: ${message}`, context.cause === undefined ? undefined : { cause: context.cause })
    Object.defineProperty(this, BRAND, { value: true })
    this.code = code
    this.retriable = context.retriable ?? false
    this.problems = context.problems
    this.topic = context.topic
    this.partition = context.partition
    this.offset = context.offset
  }
}

/**
 * Whether something caught is a Joinery error, of one code if given; right even where two copies of the package are loaded.
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
  /** The code that was asked for. */
  readonly code: C
} {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false
  return code === undefined || (error as { readonly code?: unknown }).code === code
}
