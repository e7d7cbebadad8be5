import type { Clock } from '../clock.js'
import type { StateStores } from '../store/contract.js'
import type { CacheOptions } from '../store/row-cache.js'
import type { FunctionWatch } from './function-watch.js'

/** The limits of a topic. */
export interface TopicLimits {
  /**
   * The number of partitions. Records without a key go to the partition with the operator's own number, modulo this.
   *
   * @defaultValue the operator's own number
   */
  readonly partitions?: number
  /**
   * The largest record batch, in bytes. A larger one is an error that `onError` handles.
   *
   * @defaultValue no limit
   */
  readonly maxMessageBytes?: number
}

/** Options of `openOperator`. */
export interface OperatorOptions {
  /** The name of the operator, in `joinery-origin` and in its stores. */
  readonly application: string
  /** The partition of all inputs that the operator processes. */
  readonly partition: number
  /**
   * State stores for rows and waiting events. Stores that outlive the process keep the state; with in-memory stores,
   * restore it from a changelog.
   *
   * @defaultValue `memoryStores()`
   */
  readonly stores?: StateStores
  /**
   * A number that rises with each owner of this partition: shared stores reject an owner with a lower token.
   *
   * @defaultValue the clock's time when the operator is opened
   */
  readonly token?: number
  /** The limits of output and dead-letter topics, by name. */
  readonly outputs?: Readonly<Record<string, TopicLimits>>
  /** The limits of the changelog, if there is one. */
  readonly changelog?: Pick<TopicLimits, 'maxMessageBytes'>
  /**
   * The size of the cache of decoded rows, for each table.
   *
   * @defaultValue `{ bytes: '16MiB' }`
   */
  readonly cache?: CacheOptions
  /**
   * Finds records whose functions block the event loop: the {@link functionWatch} of this process.
   *
   * @defaultValue one of its own, which forgets everything when the operator is disposed of
   */
  readonly watch?: FunctionWatch
  /** @defaultValue the machine's clock */
  readonly clock?: Clock
}
