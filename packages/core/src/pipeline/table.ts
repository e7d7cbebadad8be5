import type { Size } from '../duration.js'
import type { Synchronous } from '../serde/serde.js'
import type { ErrorHandling } from './dead-letter.js'
import type { ReadableTopic } from './topic.js'

/** The rows that a table keeps: the latest one for each key. */
export type History = 'latest'

/** Options of {@link table}. */
export interface TableOptions extends ErrorHandling {
  /**
   * `'table-first'`: each time a task is opened, the streams that join this table are paused until it has been read to its end.
   * `'by-timestamp'`: table and stream records are processed in the order of their timestamps from the beginning, as in
   * Kafka Streams; the rows are then always kept in the application's changelog.
   * @defaultValue `'table-first'`
   */
  readonly order?: 'table-first' | 'by-timestamp'
  /**
   * How many bytes of rows (keys and values) an instance holds at most, in all partitions that it has. A task waits before a record
   * that would exceed that, and processes nothing else, until there is room: no row is lost, and no event is processed without its
   * row. Records that do not make the table larger are processed. Committed rows are always restored, so an instance that takes
   * over partitions of another may hold more. The store has to know its `storedBytes`.
   * @defaultValue no bound
   */
  readonly maxBytes?: Size
}

/** A topic seen as a table: the latest value for each key is its row, `null` deletes the row. */
export interface Table<out K, out T, out H extends History = History> {
  /** Distinguishes a table from a topic or a stream. */
  readonly kind: 'table'
  /** The rows that the table keeps. */
  readonly history: H
  /** The topic with the table's records. */
  readonly topic: ReadableTopic<K, T>
  /** The options passed to {@link table}. */
  readonly options: TableOptions
}

/**
 * Defines a table over a topic. Define it once and use the same one in joins and queries.
 *
 * @returns a description of the table; nothing is read until a pipeline that joins it runs
 * @example
 * ```ts
 * const productInformation = topic('product-information', { key: text(), value: json<{ externalId: string }>() })
 * const information = table(productInformation, { order: 'by-timestamp' })
 * ```
 */
export function table<K, T>(
  topic: ReadableTopic<K, T> & Synchronous<K | T>,
  options: TableOptions = {},
): Table<K, T, 'latest'> {
  return { kind: 'table', history: 'latest', topic, options }
}
