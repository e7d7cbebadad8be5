import { JoineryError } from '../../errors.js'
import type { TopicPartition } from '../../log/contract.js'

/** How often in a row a table is rebuilt although the rebuild takes too long. A broker may have been slow. */
const MAX_IN_A_ROW = 5
/** The least retention that the error recommends, in multiples of the duration of the rebuild: at least 2 are needed. */
const RECOMMENDED = 4

/** A rebuild of a table, or something else that reads many records again, that was not over in time. */
export interface SlowRebuild extends TopicPartition {
  /** What has taken so long. Default: rebuilding the table. */
  readonly what?: 'comparing the rows of table' | 'restoring from'
  /** How long it has taken so far, in milliseconds of the log's clock. */
  readonly tookMs: number
  /** The topic's `delete.retention.ms`. */
  readonly deleteRetentionMs: number
  /** How far it has got. */
  readonly next: number
  /** Where the topic ends, if that is known. */
  readonly end: number | undefined
}

/**
 * Counts rebuilds that take longer than half of `delete.retention.ms` of the topic that they read. In that time compaction may
 * remove a tombstone between the deleted row, which has been read, and itself: the row would stay. Such a topic can never
 * be read in time.
 */
export class SlowRebuilds {
  readonly #inARow = new Map<string, number>()

  /** A table was rebuilt in time. */
  succeeded(topic: string): void {
    this.#inARow.delete(topic)
  }

  /**
   * Counts a rebuild that was too slow.
   *
   * @returns `STORE_BEHIND`, retriable; after five in a row `TOPIC_UNSUITABLE`
   */
  failed(rebuild: SlowRebuild): JoineryError {
    const { what: doing = 'rebuilding table', topic, partition, tookMs, deleteRetentionMs, next, end } = rebuild
    const inARow = (this.#inARow.get(topic) ?? 0) + 1
    this.#inARow.set(topic, inARow)
    const factor = (tookMs / (deleteRetentionMs / 2)).toFixed(1)
    const progress = end === undefined ? '' : `, and has got to offset ${next} of ${end}`
    const what = `${doing} ${topic}[${partition}] has taken ${seconds(tookMs)}${progress}: that is ${factor} times half of its topic's delete.retention.ms, which is ${deleteRetentionMs}, so a deletion may have been compacted away before it was read`
    if (inARow < MAX_IN_A_ROW)
      return new JoineryError(
        'STORE_BEHIND',
        `${what}; ${rebuild.what === undefined ? 'rebuilding it' : 'trying'} again (${inARow + 1} of ${MAX_IN_A_ROW})`,
        {
          topic,
          partition,
          retriable: true,
        },
      )
    const share = end === undefined || next === 0 ? 1 : Math.max(1, end / next)
    const least = Math.ceil((RECOMMENDED * tookMs * share) / 1_000) * 1_000
    return new JoineryError('TOPIC_UNSUITABLE', `${what}; set delete.retention.ms of ${topic} to at least ${least}`, {
      topic,
      partition,
    })
  }
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`
