import type { Log, TopicPartition } from '../../log/contract.js'

/** A log to test, and the operations that tests need in addition. */
export interface LogFixture {
  /** The log. It is disposed of after the test. */
  readonly log: Log<never>
  /**
   * Creates an empty topic. It must keep records of any age: the timestamps of the suite are from 2023.
   *
   * @returns the name of the topic
   */
  createTopic(options: { readonly partitions: number; readonly compact: boolean }): Promise<string>
  /** @returns an application name that was never used before */
  application(): string
  /** A topic that does not exist. Omit it if topics are created on first use. */
  readonly missingTopic?: string
  /** Deletes all records before `offset`, and possibly more, as retention does. Omit it if the log never deletes records. */
  deleteRecords?(at: TopicPartition, offset: number): Promise<void>
  /**
   * Loses all records from `offset` on, as an unclean leader election does. Omit it if the log never loses acknowledged
   * records, or if the test environment cannot make it.
   */
  truncate?(at: TopicPartition, offset: number): Promise<void>
}
