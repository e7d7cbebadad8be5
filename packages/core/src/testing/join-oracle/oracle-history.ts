/** The wait of a join. */
export interface OracleWait {
  /** How long an event waits at most, in milliseconds from when it was first processed. */
  readonly atMostMs: number
  /** What happens after that in an inner join. */
  readonly otherwise?: 'drop' | 'dead-letter'
  /**
   * Checks a row before it is joined.
   *
   * @returns whether the row is accepted; an event waits for one that is not, as if it were missing
   */
  readonly ready?: (row: string, value: string) => boolean
  /**
   * How many events can wait at the same time.
   * @defaultValue no limit
   */
  readonly maxRecords?: number
  /**
   * What happens to an event that would have to wait when the wait buffer is full.
   * @defaultValue `'pause'`
   */
  readonly whenFull?: 'pause' | 'dead-letter'
}

/** One join of a chain. */
export interface OracleJoin {
  /** The name of the table in the history. */
  readonly table: string
  /** Whether an event without a row is emitted (`'left'`) or not (`'inner'`). */
  readonly kind: 'inner' | 'left'
  /** How events wait. Without it none waits. */
  readonly wait?: OracleWait
}

/** One step in the history of a task, in processing order. Time passes only in a step of type `'advance'`. */
export type OracleStep =
  | {
      /** A table record is processed. */
      readonly type: 'row'
      /** The name of the table. */
      readonly table: string
      /** The key of the row. */
      readonly key: string
      /** `null` deletes the row. */
      readonly value: string | null
    }
  | {
      /** A stream record arrives. */
      readonly type: 'event'
      /** `null`: the record has no key. */
      readonly key: string | null
      /** `null`: a tombstone. */
      readonly value: string | null
    }
  | {
      /** Time passes. */
      readonly type: 'advance'
      /** How much time, in milliseconds. */
      readonly ms: number
    }
  | {
      /** The task restarts: every event that waits is evaluated again with the current rows. */
      readonly type: 'restart'
    }
