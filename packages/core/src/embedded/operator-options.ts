import type { Clock } from '../clock.js'
import type { StateStores } from '../store/contract.js'
import type { CacheOptions } from '../store/row-cache.js'

/** What a topic takes. */
export interface TopicLimits {
  /**
   * How many partitions it has: records without a key go to their own partition's number, modulo this.
   * @defaultValue the number as it is
   */
  readonly partitions?: number
  /**
   * The largest record batch, in bytes; what is larger is handled as `onError` says.
   * @defaultValue no limit
   */
  readonly maxMessageBytes?: number
}

/** Options of `openOperator`. */
export interface OperatorOptions {
  /** Names the operator, in `joinery-origin` and in its stores. */
  readonly application: string
  /** The partition of all inputs that it works for. */
  readonly partition: number
  /**
   * Where rows and waiting events are kept. Stores that outlive the process keep the state; with stores in memory,
   * changelogs do.
   * @defaultValue `memoryStores()`
   */
  readonly stores?: StateStores
  /**
   * Tells owners of this partition apart: it rises with each, and stores that others may open refuse lower ones.
   * @defaultValue the clock's time at the opening
   */
  readonly token?: number
  /** What output and dead-letter topics take, by name. */
  readonly outputs?: Readonly<Record<string, TopicLimits>>
  /** What the changelog takes, if there is one. */
  readonly changelog?: Pick<TopicLimits, 'maxMessageBytes'>
  /**
   * How many rows are kept decoded above the stores, for each table.
   * @defaultValue `{ bytes: '16MiB' }`
   */
  readonly cache?: CacheOptions
  /** @defaultValue the machine's clock */
  readonly clock?: Clock
}
