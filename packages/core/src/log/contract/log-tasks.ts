import type { TopicInfo } from './log-source.js'
import type { TaskSession } from './task-session.js'

/** How often the effects of an input record can appear in the outputs of a task. */
export type Guarantee = 'exactly-once' | 'at-least-once'

/** Layer 4: fenced sessions. `G` is the guarantee that an application can request. */
export interface LogTasks<in G extends Guarantee = 'exactly-once'> {
  /** The guarantees that sessions can give, the strongest first. The first one is the default. */
  readonly guarantees: readonly Guarantee[]
  /**
   * Creates the changelog of an application, with one partition for each task. If it exists, checks it and never alters it.
   *
   * @returns the description of the changelog
   * @throws JoineryError `TOPIC_UNSUITABLE`, `PARTITIONS_CHANGED`, `NOT_AUTHORIZED`, `TOPIC_MISSING`
   */
  prepare(options: {
    readonly application: string
    /** The number of tasks. */
    readonly partitions: number
    /** The largest record batch of any input, in bytes: the changelog has to accept as much. */
    readonly maxMessageBytes: number
    /** The requested guarantee; the default is the first of `guarantees`. */
    readonly guarantee?: G
    /**
     * Also create the reports topic, for an application that makes calls: `<application>.calls.reports`, with the same
     * number of partitions, which keeps its records forever. The default is `false`.
     */
    readonly reports?: boolean
    /** `false`: only check what exists; a missing topic is `TOPIC_MISSING`. The default is `true`. */
    readonly create?: boolean
  }): Promise<TopicInfo>
  /**
   * Opens a session: fences every earlier session of the task, and commits an OWNER record.
   *
   * @returns the session, which is the only one of the task that can commit
   */
  open(options: {
    readonly application: string
    readonly task: number
    /** The requested guarantee; the default is the first of `guarantees`. */
    readonly guarantee?: G
  }): Promise<TaskSession>
}
