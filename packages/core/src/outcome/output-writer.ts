import { JoineryError } from '../errors.js'
import { batchBytes } from '../log/batch-bytes.js'
import type { Reason } from '../pipeline/dead-letter.js'
import type { Headers, LogRecord, NewRecord } from '../record.js'
import { ByteArena } from '../serde/byte-arena.js'
import type { Effects, OutputTopicInfo } from './effects.js'
import { AGE_HEADER, ERROR_HEADER, ORIGIN_HEADER, REASON_HEADER, TABLE_HEADER } from './headers.js'

const OWN_HEADERS = new Set([ORIGIN_HEADER, REASON_HEADER, AGE_HEADER, TABLE_HEADER, ERROR_HEADER])
/** Brokers refuse timestamps that are more than an hour ahead of them. */
const MAX_AHEAD_MS = 3_600_000
const MAX_ERROR_TEXT = 1_000

/** Makes output records of one input partition, and knows what fits. */
export class OutputWriter {
  readonly #origin: Uint8Array
  readonly #arena = new ByteArena()
  readonly #topics: ReadonlyMap<string, OutputTopicInfo>
  /** The latest timestamp that brokers take, when last asked. */
  #latest = Number.NEGATIVE_INFINITY

  constructor(application: string, topic: string, partition: number, topics: ReadonlyMap<string, OutputTopicInfo>) {
    this.#origin = Buffer.from(`${application}/${topic}/${partition}/`)
    this.#topics = topics
  }

  /** The result for a record; `undefined` if it is too large for its topic. Answers whether the timestamp had to be clamped. */
  emit(
    effects: Pick<Effects, 'output' | 'logNow'>,
    topic: string,
    record: LogRecord,
    value: Uint8Array,
  ): 'emitted' | 'clamped' | 'too-large' {
    const own: Headers[number] = [ORIGIN_HEADER, this.#originOf(record)]
    const headers =
      record.headers.length === 0 ? [own] : [...record.headers.filter(([name]) => name !== ORIGIN_HEADER), own]
    return this.#put(effects, topic, record, value, headers)
  }

  /**
   * A dead letter: the original bytes, and why.
   *
   * @throws JoineryError `RECORD_TOO_LARGE` if the topic cannot take it.
   */
  deadLetter(
    effects: Pick<Effects, 'output' | 'logNow'>,
    topic: string,
    record: LogRecord,
    why: DeadLetterCause,
  ): 'emitted' | 'clamped' {
    const text = (name: string, value: string): Headers[number] => [name, Buffer.from(value)]
    const headers: Headers[number][] = [
      ...record.headers.filter(([name]) => !OWN_HEADERS.has(name)),
      text(REASON_HEADER, why.reason),
      [ORIGIN_HEADER, this.#originOf(record)],
      text(AGE_HEADER, String(Math.max(0, Math.round(why.ageMs)))),
    ]
    if (why.table !== undefined) headers.push(text(TABLE_HEADER, why.table))
    const what = why.error?.message ?? why.what
    if (what !== undefined) headers.push(text(ERROR_HEADER, what.slice(0, MAX_ERROR_TEXT)))
    if (why.more !== undefined) headers.push(...why.more)
    const done = this.#put(effects, topic, record, record.value, headers)
    if (done !== 'too-large') return done
    throw new JoineryError(
      'RECORD_TOO_LARGE',
      `a dead letter does not fit into ${topic}: raise its max.message.bytes above the stream's`,
      record,
    )
  }

  #originOf({ offset }: LogRecord): Uint8Array {
    return this.#arena.encodeNumbered(this.#origin, offset)
  }

  #put(
    effects: Pick<Effects, 'output' | 'logNow'>,
    topic: string,
    { key, timestamp, partition }: LogRecord,
    value: Uint8Array | null,
    headers: Headers,
  ): 'emitted' | 'clamped' | 'too-large' {
    const info = this.#topics.get(topic) as OutputTopicInfo
    const bytes = batchBytes(key, value, headers)
    if (bytes > info.maxMessageBytes) return 'too-large'
    // the log's clock goes on only: what was early enough stays so, and most often it need not be asked
    if (timestamp > this.#latest) this.#latest = Math.floor(effects.logNow) + MAX_AHEAD_MS
    const late = timestamp > this.#latest
    const kept = late ? this.#latest : timestamp
    const record: NewRecord =
      key === null
        ? { topic, key, value, headers, timestamp: kept, partition: partition % info.partitions }
        : { topic, key, value, headers, timestamp: kept }
    effects.output(record, bytes)
    return late ? 'clamped' : 'emitted'
  }
}

/** Why a record is dead-lettered. */
export interface DeadLetterCause {
  readonly reason: Reason
  readonly ageMs: number
  readonly table?: string | undefined
  readonly error?: JoineryError | undefined
  /** In words, where there is no error. */
  readonly what?: string
  /** Further headers. */
  readonly more?: Headers
}
