import type { JoineryError } from '../errors.js'
import { batchBytes } from '../log/batch-bytes.js'
import type { OutputTopicInfo } from '../log/contract.js'
import type { Reason } from '../pipeline/dead-letter.js'
import type { Headers, LogRecord, NewRecord } from '../record.js'
import { ByteArena } from '../serde/byte-arena.js'
import type { Effects } from './effects.js'
import { type Failure, failureError, refused, tooLarge } from './failure.js'
import {
  AGE_HEADER,
  ERROR_HEADER,
  JOINERY_HEADERS,
  OMITTED_HEADER,
  ORIGIN_HEADER,
  REASON_HEADER,
  TABLE_HEADER,
} from './headers.js'

/** Brokers reject timestamps that are more than an hour ahead of their clock. */
const MAX_AHEAD_MS = 3_600_000
const MAX_ERROR_TEXT = 1_000
const FOREVER = Number.POSITIVE_INFINITY

/**
 * How a record was written: `'clamped'` if its timestamp had to be lowered, `'expired'` if the topic keeps records for a
 * shorter time than the record is old, so that brokers delete it immediately.
 */
export type Written = 'emitted' | 'clamped' | 'expired'

type OutputEffects = Pick<Effects, 'logTimeMs' | 'output' | 'refusal'>

/** Why a record is dead-lettered, as its headers describe it. */
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
  /** The shortest retention of a topic, in milliseconds. */
  readonly #shortestMs: number
  /** When the log's clock was last read, in its milliseconds. */
  #now = Number.NEGATIVE_INFINITY
  /** Timestamps between these are neither too far ahead nor expired: the clock need not be read for them. */
  #from = Number.POSITIVE_INFINITY
  #to = Number.NEGATIVE_INFINITY

  constructor(application: string, topic: string, partition: number, topics: ReadonlyMap<string, OutputTopicInfo>) {
    this.#origin = Buffer.from(`${application}/${topic}/${partition}/`)
    this.#topics = topics
    this.#shortestMs = Math.min(...Array.from(topics.values(), ({ retentionMs = FOREVER }) => retentionMs))
  }

  /**
   * Writes the result of a record.
   *
   * @returns how it was written, or a failure if the record exceeds the topic's `max.message.bytes` or the log has refused it before
   */
  emit(effects: OutputEffects, topic: string, record: LogRecord, value: Uint8Array | null): Written | Failure {
    const origin = this.#originOf(record)
    const refusal = effects.refusal(topic, origin)
    if (refusal !== undefined) return refused('a result', topic, refusal)
    const headers = outputHeaders(record.headers, [ORIGIN_HEADER, origin])
    const info = this.#infoOf(topic)
    const { maxMessageBytes } = info
    const bytes = batchBytes(record.key, value, headers)
    if (bytes > maxMessageBytes) return tooLarge('a result', bytes, { topic, maxMessageBytes })
    return this.#put(effects, newRecord(topic, record, value, headers, info.partitions), info, bytes)
  }

  /**
   * Writes a dead letter: the original bytes, with the cause in headers. What its topic does not accept is left out: first the
   * record's own headers, then the value, then the key. `joinery-origin` names the original.
   *
   * @returns how it was written
   * @throws JoineryError `RECORD_TOO_LARGE` if the topic does not even accept the reason; `RECORD_REFUSED` if the log refuses it
   *   for good
   */
  deadLetter(effects: OutputEffects, topic: string, record: LogRecord, cause: DeadLetterCause): Written {
    const origin = this.#originOf(record)
    const refusal = effects.refusal(topic, origin)
    if (refusal !== undefined && refusal.times > 1) throw failureError(refused('a dead letter', topic, refusal), record)
    const info = this.#infoOf(topic)
    const { maxMessageBytes } = info
    const own = deadLetterHeaders(origin, cause)
    // the log may have refused the dead letter because of its timestamp
    const timestamp = refusal === undefined ? record.timestamp : Math.floor(effects.logTimeMs)
    let bytes = 0
    for (const { key, value, headers } of shorterDeadLetters(record, own)) {
      bytes = batchBytes(key, value, headers)
      if (bytes > maxMessageBytes) continue
      return this.#put(
        effects,
        newRecord(topic, { ...record, key, timestamp }, value, headers, info.partitions),
        info,
        bytes,
      )
    }
    throw failureError(tooLarge('a dead letter', bytes, { topic, maxMessageBytes }), record)
  }

  #originOf({ offset }: LogRecord): Uint8Array {
    return this.#arena.encodeNumbered(this.#origin, offset)
  }

  #infoOf(topic: string): OutputTopicInfo {
    return this.#topics.get(topic) as OutputTopicInfo
  }

  #put(effects: OutputEffects, record: NewRecord, { retentionMs = FOREVER }: OutputTopicInfo, bytes: number): Written {
    const { timestamp } = record
    // the log's clock never runs backwards, so a timestamp that was accepted once is not too far ahead later
    if (timestamp > this.#to || timestamp < this.#from) this.#readClock(effects.logTimeMs)
    const latest = this.#now + MAX_AHEAD_MS
    const isAhead = timestamp > latest
    effects.output(isAhead ? { ...record, timestamp: latest } : record, bytes)
    if (isAhead) return 'clamped'
    return timestamp < this.#from && timestamp < this.#now - retentionMs ? 'expired' : 'emitted'
  }

  #readClock(logTimeMs: number): void {
    this.#now = Math.floor(logTimeMs)
    this.#from = this.#now - this.#shortestMs / 2
    this.#to = this.#now + Math.min(MAX_AHEAD_MS, this.#shortestMs / 4)
  }
}

/** @param partitions of the topic: a record without a key goes to the partition of its event */
function newRecord(
  topic: string,
  { key, timestamp, partition }: LogRecord,
  value: Uint8Array | null,
  headers: Headers,
  partitions: number,
): NewRecord {
  if (key === null) return { topic, key, value, headers, timestamp, partition: partition % partitions }
  return { topic, key, value, headers, timestamp }
}

function deadLetterHeaders(origin: Uint8Array, cause: DeadLetterCause): Headers {
  const text = (name: string, value: string): Headers[number] => [name, Buffer.from(value)]
  const headers: Headers[number][] = [
    text(REASON_HEADER, cause.reason),
    [ORIGIN_HEADER, origin],
    text(AGE_HEADER, String(Math.max(0, Math.round(cause.ageMs)))),
  ]
  if (cause.table !== undefined) headers.push(text(TABLE_HEADER, cause.table))
  const message = cause.error?.message ?? cause.message
  if (message !== undefined) headers.push(text(ERROR_HEADER, message.slice(0, MAX_ERROR_TEXT)))
  if (cause.headers !== undefined) headers.push(...cause.headers)
  return headers
}

/** Yields the whole dead letter, then shorter ones: without the record's headers, then without the value, then without the key. */
function* shorterDeadLetters(
  { key, value, headers }: LogRecord,
  own: Headers,
): Generator<Pick<LogRecord, 'key' | 'value' | 'headers'>> {
  const omitted = (what: string): Headers => [...own, [OMITTED_HEADER, Buffer.from(what)]]
  yield { key, value, headers: [...headers.filter(([name]) => !JOINERY_HEADERS.has(name)), ...own] }
  yield { key, value, headers: omitted('headers') }
  yield { key, value: null, headers: omitted('headers,value') }
  yield { key: null, value: null, headers: omitted('headers,value,key') }
}

/** A record without `joinery-origin` was not written by Joinery: all its headers are the user's. */
function outputHeaders(headers: Headers, origin: Headers[number]): Headers {
  if (headers.length === 0) return [origin]
  if (!headers.some(([name]) => name === ORIGIN_HEADER)) return [...headers, origin]
  const kept = headers.filter(([name]) => !JOINERY_HEADERS.has(name))
  kept.push(origin)
  return kept
}
