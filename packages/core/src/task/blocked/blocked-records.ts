import type { Clock } from '../../clock.js'
import type { Failure } from '../../outcome/failure.js'
import type { RecordWatch } from '../../outcome/record-watch.js'
import type { LogRecord } from '../../record.js'

/** Functions that run for this long without a pause are reported. */
const LONG_MS = 1_000
/** How long they remain a problem after that. */
const REPORTED_MS = 300_000

/** The records of one partition whose functions have run without a pause. */
export interface BlockingRecords {
  /** The pipeline whose functions have run. */
  readonly of: string
  /** The topic of the records. */
  readonly topic: string
  /** The partition, which is also the number of the task. */
  readonly partition: number
  /** The offset of the record; of the first one, if it is not known which of several records it was. */
  readonly offset: number
  /** The offset of the last of these records. */
  readonly lastOffset: number
  /** For how long nothing else ran, in milliseconds. */
  readonly blockedMs: number
  /** The same as text. */
  readonly reason: string
}

/** Where functions run: a pipeline, and its stream. */
export type Place = Pick<BlockingRecords, 'of' | 'topic' | 'partition'>

/**
 * The records for which the functions of one process have blocked its event loop. If that is longer than the session timeout, the
 * group assigns the task to another instance, which is blocked in turn, and this would never end: a record that has blocked this
 * process twice fails. Once is not enough, because a machine may have been suspended meanwhile.
 *
 * The clock is not read for each record. Only if a batch has blocked for too long, and it is not known which of its records did, the
 * records of that partition are measured one by one from then on.
 */
export class BlockedRecords {
  readonly #clock: Clock
  readonly #sessionTimeoutMs: number
  readonly #blocked: (records: BlockingRecords) => void
  /** Blocks that were longer than the session timeout, by topic and partition. */
  readonly #suspects = new Map<string, BlockingRecords[]>()
  /** By topic and partition, then by offset: records that have done so twice. */
  readonly #failures = new Map<string, Map<number, Failure>>()
  #last: { readonly records: BlockingRecords; readonly at: number } | undefined
  #beganAt = 0

  /**
   * @param sessionTimeoutMs after this time the group assigns the tasks of this process to others
   * @param blocked called for functions that have run for a second or longer
   */
  constructor(clock: Clock, sessionTimeoutMs: number, blocked: (records: BlockingRecords) => void) {
    this.#clock = clock
    this.#sessionTimeoutMs = sessionTimeoutMs
    this.#blocked = blocked
  }

  /** The latest block, as text; `undefined` if it is long ago. */
  get problem(): string | undefined {
    if (this.#last === undefined || this.#clock.monotonic() - this.#last.at > REPORTED_MS) return undefined
    return this.#last.records.reason
  }

  /** Functions are about to run. */
  begin(): void {
    this.#beganAt = this.#clock.monotonic()
  }

  /**
   * Functions have run since {@link begin}, or the last call of this.
   *
   * @returns for how long, in milliseconds
   */
  ended(place: Place, offset: number, lastOffset: number): number {
    const now = this.#clock.monotonic()
    const blockedMs = now - this.#beganAt
    this.#beganAt = now
    if (blockedMs >= LONG_MS)
      this.#report(
        { ...place, offset, lastOffset, blockedMs, reason: textOf(place, offset, lastOffset, blockedMs) },
        now,
      )
    return blockedMs
  }

  /** @returns what watches the records of a partition one by one; `undefined` if none of them is suspected */
  watchOf(place: Place): RecordWatch | undefined {
    const suspects = this.#suspects.get(keyOf(place))
    if (suspects === undefined) return undefined
    const failureOf = ({ offset }: LogRecord) => this.#failures.get(keyOf(place))?.get(offset)
    return {
      rejects: (record) => {
        this.begin()
        return failureOf(record)
      },
      ran: (record) => {
        this.ended(place, record.offset, record.offset)
        return failureOf(record)
      },
    }
  }

  #report(records: BlockingRecords, at: number): void {
    this.#last = { records, at }
    if (records.blockedMs >= this.#sessionTimeoutMs) {
      const key = keyOf(records)
      const before = this.#suspects.get(key) ?? []
      const { offset } = records
      const isSecond = before.some((each) => each.offset <= offset && offset <= each.lastOffset)
      if (isSecond && offset === records.lastOffset)
        this.#failures.set(key, new Map([...(this.#failures.get(key) ?? []), [offset, failureOf(records)]]))
      this.#suspects.set(key, [...before, records])
    }
    this.#blocked(records)
  }
}

const keyOf = ({ of, topic, partition }: Place): string => JSON.stringify([of, topic, partition])

function failureOf(records: BlockingRecords): Failure {
  const message = `${records.reason}, which is longer than the session timeout, for the second time in this process`
  const remedy = 'do less work in it, or do it in a worker thread'
  return { reason: 'function-blocked', code: 'FUNCTION_BLOCKED', message, remedy }
}

function textOf({ of, topic, partition }: Place, offset: number, lastOffset: number, blockedMs: number): string {
  const where = offset === lastOffset ? `offset ${offset}` : `one of the offsets ${offset} to ${lastOffset}`
  return `nothing else ran for ${(blockedMs / 1_000).toFixed(1)} s, in the functions and serdes of ${of}, at ${where} of ${topic}[${partition}]`
}
