import type { Claimant } from '../changelog/call-record.js'
import type { Clock } from '../clock.js'
import type { Duration, Size } from '../duration.js'
import type { Guarantee, Log } from '../log/contract.js'
import type { StateStores } from '../store/contract.js'
import type { CacheOptions } from '../store/row-cache.js'
import type { AppEvent } from './app-event.js'

/** The bounds of the commit interval. */
export interface CommitEvery {
  /**
   * The shortest time between two commits of an instance, on average: a few may follow each other at once.
   *
   * @defaultValue `'20ms'`, or `max` if that is shorter
   */
  readonly min?: Duration
  /**
   * The longest time from the first change until its commit.
   *
   * @defaultValue `'100ms'`
   */
  readonly max?: Duration
}

/** Options of `run`. `G`: the guarantees of its log. */
export interface RunOptions<G extends Guarantee = 'exactly-once'> {
  /** Name of the application: of its group, its transactional ids and its changelog. All instances share it. */
  readonly application: string
  /** The log with the topics. */
  readonly log: Log<G>
  /**
   * The processing guarantee. `'exactly-once'`: outputs, state and positions are committed in one transaction. `'at-least-once'`:
   * outputs are appended, then positions are saved, so some outputs are repeated after a crash, with the same
   * `joinery-origin`. It stores no state: no `wait`, and the topic of every table has to be compacted.
   *
   * @defaultValue the strongest that the log offers
   */
  readonly guarantee?: NoInfer<G>
  /**
   * State stores for rows, waiting events and calls.
   *
   * @defaultValue `memoryStores()`
   */
  readonly stores?: StateStores
  /**
   * The size of the cache of decoded rows, for each table in each task. Other rows are read from the store and decoded
   * when they are needed.
   *
   * @defaultValue `{ bytes: '16MiB' }`
   */
  readonly cache?: CacheOptions
  /**
   * How many bytes of rows this instance holds at most, of all tables together; otherwise like `maxBytes` of a
   * table, which bounds that table. Waiting events have bounds of their own (`wait`).
   *
   * @defaultValue no bound
   */
  readonly maxTableBytes?: Size
  /**
   * How often the tasks of this instance commit, together. They commit as soon as they have processed what they have read, on
   * average at most once in `min`, and at the latest `max` after the first change. A duration instead: always so long after the
   * first change, which costs the brokers least. Outputs can be read once they are committed.
   *
   * @defaultValue `{ min: '20ms', max: '100ms' }`
   */
  readonly commitEvery?: Duration | CommitEvery
  /**
   * How long to wait for new records of an input that has been read to its end, so that records are processed in the order of
   * their timestamps. `'never'`: do not wait at all, not even for records that the log has and that are still to be fetched.
   *
   * @defaultValue `'0ms'`
   */
  readonly maxIdle?: Duration | 'never'
  /**
   * How long a task may commit nothing although there is work, or one of its inputs may be held up, before `health().stalled`, a
   * metric and an event report it. It counts in addition to `maxIdle` and to the longest time of `commitEvery`.
   *
   * @defaultValue `'10s'`
   */
  readonly stalledAfter?: Duration
  /**
   * Generates random bytes for the tokens of claims.
   *
   * @returns as many bytes as requested
   * @defaultValue `randomBytes` of `node:crypto`
   */
  readonly randomBytes?: (size: number) => Uint8Array
  /**
   * How this process is named to the people who resolve calls in doubt.
   *
   * @defaultValue the machine's name, and the process id
   */
  readonly claimant?: Pick<Claimant, 'host' | 'pid'>
  /** @defaultValue the machine's clock */
  readonly clock?: Clock
  /** Closes the application when aborted. */
  readonly signal?: AbortSignal
  /** Called with each event. It must not throw: an error stops the application (`FUNCTION_THREW`). */
  readonly onEvent?: (event: AppEvent) => void
}
