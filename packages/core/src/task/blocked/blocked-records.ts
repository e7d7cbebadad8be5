import type { Clock } from '../../clock.js'
import type { Failure } from '../../outcome/failure.js'
import type { RecordWatch } from '../../outcome/record-watch.js'
import { ChunkSize } from './chunk-size.js'

/** Milliseconds that functions run before other tasks and timers get their turn, if they are slow. */
export const LONGEST_SLICE_MS = 100
/** Functions that run for this long without a pause are reported. */
const LONG_MS = 1_000
/** How long they remain a problem after that. */
const REPORTED_MS = 300_000

/** The records of one partition whose functions have run without a pause. */
export interface BlockingRecords {
  /** Whose functions have run: a pipeline or a table, such as `'pipeline orders'`. */
  readonly of: string
  /** Which function it was, such as `'the joiner of join customers'`; `undefined` if it is not known. */
  readonly step: string | undefined
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

/** Where functions run: a pipeline and its stream, or a table. */
export type Place = Pick<BlockingRecords, 'of' | 'topic' | 'partition'>

/**
 * The records for which the functions of one process have blocked its event loop. If that is longer than the session timeout, the
 * group assigns the task to another instance, which is blocked in turn, and this would never end: a record that has blocked
 * this process twice fails. Once is not enough, because a machine may have been suspended meanwhile.
 *
 * The clock is not read for each record. Only if several records together took long ({@link chunkOf}), the records of that partition
 * are measured one by one from then on, so that their sum does not block the event loop; and if they have blocked for too long, so
 * are the functions that run for each of them.
 */
export class BlockedRecords {
  readonly #clock: Clock
  readonly #sessionTimeoutMs: number
  readonly #blocked: (records: BlockingRecords) => void
  /** Blocks that were longer than that, by place. */
  readonly #suspects = new Map<string, BlockingRecords[]>()
  /** By place, then by offset: records that have done so twice. */
  readonly #failures = new Map<string, Map<number, Failure>>()
  readonly #watches = new Map<string, RecordWatch>()
  readonly #chunks = new Map<string, ChunkSize>()
  /** Several records must not take longer together: heartbeats would be late. */
  readonly #longChunkMs: number
  #last: { readonly records: BlockingRecords; readonly at: number } | undefined
  #beganAt = 0
  #pausedAt = 0

  /**
   * @param sessionTimeoutMs after this time without a heartbeat the group assigns the tasks of this process to others
   * @param blocked called for functions that have run for a second or longer
   */
  constructor(clock: Clock, sessionTimeoutMs: number, blocked: (records: BlockingRecords) => void) {
    this.#clock = clock
    this.#sessionTimeoutMs = sessionTimeoutMs
    this.#longChunkMs = Math.min(LONG_MS, sessionTimeoutMs / 10)
    this.#blocked = blocked
  }

  /** The latest block, as text; `undefined` if it is long ago. */
  get problem(): string | undefined {
    if (this.#last === undefined || this.#clock.monotonic() - this.#last.at > REPORTED_MS) return undefined
    return this.#last.records.reason
  }

  /**
   * Functions are about to run.
   *
   * @returns the time, in monotonic milliseconds
   */
  begin(): number {
    this.#beganAt = this.#clock.monotonic()
    return this.#beganAt
  }

  /**
   * Functions have run since {@link begin}, or the last call of this.
   *
   * @returns the time, in monotonic milliseconds
   */
  ended(place: Place, offset: number, lastOffset: number, step?: string): number {
    const now = this.#clock.monotonic()
    const blockedMs = now - this.#beganAt
    this.#beganAt = now
    if (blockedMs >= this.#longChunkMs) this.chunkOf(place).tookLong()
    if (blockedMs >= LONG_MS) {
      const records = { ...place, step, offset, lastOffset, blockedMs }
      this.#report({ ...records, reason: textOf(records) }, now)
    }
    return now
  }

  /** Runs one function for one record. */
  measured<T>(place: Place, offset: number, step: string, run: () => T): T {
    this.begin()
    try {
      return run()
    } finally {
      this.ended(place, offset, offset, step)
    }
  }

  /** @returns how many records of a partition functions may run for until the clock has to be read */
  chunkOf(place: Place): ChunkSize {
    const key = keyOf(place)
    const chunk = this.#chunks.get(key) ?? new ChunkSize()
    this.#chunks.set(key, chunk)
    return chunk
  }

  /**
   * Lets the event loop run, if functions have run for long without this. It does not read the clock.
   *
   * @returns `undefined` if it is not time yet
   */
  pauseIfDue(): Promise<void> | undefined {
    if (this.#beganAt - this.#pausedAt < LONGEST_SLICE_MS) return undefined
    return this.#clock.yieldToEventLoop().then(() => {
      this.#pausedAt = this.begin()
    })
  }

  /** @returns why functions must not run for a record; `undefined` if they may */
  failureOf(place: Place, offset: number): Failure | undefined {
    return this.#failures.size === 0 ? undefined : this.#failures.get(keyOf(place))?.get(offset)
  }

  /** @returns what watches the records of a partition one by one; `undefined` if none of them is suspected */
  watchOf(place: Place): RecordWatch | undefined {
    if (this.#suspects.size === 0) return undefined
    const key = keyOf(place)
    if (this.#suspects.has(key) && !this.#watches.has(key)) this.#watches.set(key, this.#newWatch(place))
    return this.#watches.get(key)
  }

  #newWatch(place: Place): RecordWatch {
    let longest: { readonly step: string; readonly ms: number } | undefined
    let running: { readonly step: string; readonly since: number } | undefined
    const next = (step?: string): void => {
      const now = this.#clock.monotonic()
      const ms = running === undefined ? 0 : now - running.since
      if (running !== undefined && ms >= (longest?.ms ?? 0)) longest = { step: running.step, ms }
      running = step === undefined ? undefined : { step, since: now }
    }
    return {
      rejects: ({ offset }) => {
        longest = undefined
        running = undefined
        this.begin()
        return this.failureOf(place, offset)
      },
      starting: next,
      finished: ({ offset }) => {
        next()
        this.ended(place, offset, offset, longest?.step)
        return this.failureOf(place, offset)
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

function textOf({
  of,
  step,
  topic,
  partition,
  offset,
  lastOffset,
  blockedMs,
}: Omit<BlockingRecords, 'reason'>): string {
  const at = `${topic}[${partition}]`
  const where =
    offset === lastOffset ? `${at} offset ${offset}` : `one of the offsets ${offset} to ${lastOffset} of ${at}`
  const seconds = (blockedMs / 1_000).toFixed(1)
  return `nothing else ran for ${seconds} s, in ${step ?? 'the functions and serdes'} of ${of}, at ${where}`
}
