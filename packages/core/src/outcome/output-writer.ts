import { JoineryError } from '../errors.js'
import { batchBytes } from '../log/batch-bytes.js'
import type { OutputTopicInfo } from '../log/contract.js'
import type { Reason } from '../pipeline/dead-letter.js'
import type { Headers, LogRecord, NewRecord } from '../record.js'
import { ByteArena } from '../serde/byte-arena.js'
import type { Effects } from './effects.js'
import { type Failure, tooLarge } from './failure.js'
import { AGE_HEADER, ERROR_HEADER, JOINERY_HEADERS, ORIGIN_HEADER, REASON_HEADER, TABLE_HEADER } from './headers.js'

/** Brokers reject timestamps that are more than an hour ahead of their clock. */
const MAX_AHEAD_MS = 3_600_000
const MAX_ERROR_TEXT = 1_000

/** Why a record is dead-lettered. */
export interface DeadLetterCause {
  readonly reason: Reason
  readonly ageMs: number
  readonly table?: string | undefined
  readonly error?: JoineryError | undefined
  /** A message, where there is no error. */
  readonly message?: string
  /** Further headers. */
  readonly headers?: Headers
}

/** Writes the output records of one input partition, if they fit into their topics. */
export class OutputWriter {
  readonly #origin: Uint8Array
  readonly #arena = new ByteArena()
  readonly #topics: ReadonlyMap<string, OutputTopicInfo>
  /** The latest timestamp that brokers accept, when the clock was last read. */
  #latest = Number.NEGATIVE_INFINITY

  constructor(application: string, topic: string, partition: number, topics: ReadonlyMap<string, OutputTopicInfo>) {
    this.#origin = Buffer.from(`${application}/${topic}/${partition}/`)
    this.#topics = topics
  }

  /**
   * Writes the result of a record.
   *
   * @returns `'clamped'` if the timestamp had to be lowered, a failure if the record exceeds the topic's `max.message.bytes`
   */
  emit(
    effects: Pick<Effects, 'output' | 'logTimeMs'>,
    topic: string,
    record: LogRecord,
    value: Uint8Array,
  ): 'emitted' | 'clamped' | Failure {
    const own: Headers[number] = [ORIGIN_HEADER, this.#originOf(record)]
    return this.#put(effects, topic, record, value, outputHeaders(record.headers, own), 'a result')
  }

  /**
   * Writes a dead letter: the original bytes, with the cause in headers.
   *
   * @returns `'clamped'` if the timestamp had to be lowered
   * @throws JoineryError `RECORD_TOO_LARGE` if the dead letter exceeds the topic's `max.message.bytes`
   */
  deadLetter(
    effects: Pick<Effects, 'output' | 'logTimeMs'>,
    topic: string,
    record: LogRecord,
    cause: DeadLetterCause,
  ): 'emitted' | 'clamped' {
    const text = (name: string, value: string): Headers[number] => [name, Buffer.from(value)]
    const headers: Headers[number][] = [
      ...record.headers.filter(([name]) => !JOINERY_HEADERS.has(name)),
      text(REASON_HEADER, cause.reason),
      [ORIGIN_HEADER, this.#originOf(record)],
      text(AGE_HEADER, String(Math.max(0, Math.round(cause.ageMs)))),
    ]
    if (cause.table !== undefined) headers.push(text(TABLE_HEADER, cause.table))
    const message = cause.error?.message ?? cause.message
    if (message !== undefined) headers.push(text(ERROR_HEADER, message.slice(0, MAX_ERROR_TEXT)))
    if (cause.headers !== undefined) headers.push(...cause.headers)
    const result = this.#put(effects, topic, record, record.value, headers, 'a dead letter')
    if (typeof result !== 'object') return result
    const advice = `raise its max.message.bytes above that of ${record.topic}`
    throw new JoineryError(result.code, `${result.message}: ${advice}`, record)
  }

  #originOf({ offset }: LogRecord): Uint8Array {
    return this.#arena.encodeNumbered(this.#origin, offset)
  }

  #put(
    effects: Pick<Effects, 'output' | 'logTimeMs'>,
    topic: string,
    { key, timestamp, partition }: LogRecord,
    value: Uint8Array | null,
    headers: Headers,
    what: string,
  ): 'emitted' | 'clamped' | Failure {
    const info = this.#topics.get(topic) as OutputTopicInfo
    const bytes = batchBytes(key, value, headers)
    if (bytes > info.maxMessageBytes) return tooLarge(what, bytes, { topic, maxMessageBytes: info.maxMessageBytes })
    // the log's clock never runs backwards: a timestamp that was acceptable once stays so, and the clock is rarely read
    if (timestamp > this.#latest) this.#latest = Math.floor(effects.logTimeMs) + MAX_AHEAD_MS
    const isAhead = timestamp > this.#latest
    const kept = isAhead ? this.#latest : timestamp
    const record: NewRecord =
      key === null
        ? { topic, key, value, headers, timestamp: kept, partition: partition % info.partitions }
        : { topic, key, value, headers, timestamp: kept }
    effects.output(record, bytes)
    return isAhead ? 'clamped' : 'emitted'
  }
}

/** A record without `joinery-origin` was not written by Joinery: all its headers are the user's. */
function outputHeaders(headers: Headers, origin: Headers[number]): Headers {
  if (headers.length === 0) return [origin]
  if (!headers.some(([name]) => name === ORIGIN_HEADER)) return [...headers, origin]
  const kept = headers.filter(([name]) => !JOINERY_HEADERS.has(name))
  kept.push(origin)
  return kept
}
