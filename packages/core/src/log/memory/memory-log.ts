import { type Clock, systemClock } from '../../clock.js'
import { JoineryError } from '../../errors.js'
import { checkOptionNames } from '../../unknown-options.js'
import { composeLog } from '../compose-log.js'
import type { Guarantee, Log, LogSource } from '../contract.js'
import { MemoryGroups } from './memory-group.js'
import { MemoryOffsets } from './memory-offsets.js'
import { MemoryTasks } from './memory-tasks.js'
import { type MemoryTopicOptions, MemoryTopics } from './memory-topics.js'

/** Options of {@link memoryLog}. */
export interface MemoryLogOptions {
  /**
   * The partition count of topics that are created on first use.
   * @defaultValue `1`
   */
  readonly partitions?: number
  /** Topics with another partition count, or with compaction. */
  readonly topics?: Readonly<Record<string, MemoryTopicOptions>>
  /**
   * Limits the records of each partition of topics that are not compacted. Records that a group has not processed are never
   * deleted: appending waits until there is room.
   * @defaultValue no limit
   */
  readonly retain?: {
    /** The number of records to keep, approximately: at least 1. */
    readonly records: number
  }
  /**
   * The source of the timestamps of changelog records.
   * @defaultValue `systemClock`
   */
  readonly clock?: Clock
}

const MEMORY_LOG_OPTIONS: Readonly<Record<keyof MemoryLogOptions, true>> = {
  partitions: true,
  topics: true,
  retain: true,
  clock: true,
}
const MEMORY_TOPIC_OPTIONS: Readonly<Record<keyof MemoryTopicOptions, true>> = { partitions: true, cleanup: true }

/**
 * Creates a partitioned log in the memory of this process, with groups, fenced transactions and compaction. It gives every
 * guarantee of Kafka except durability. Any number of applications can share it.
 *
 * @returns the log, which creates topics on first use
 * @throws JoineryError `OPTION_INVALID`
 *
 * @example
 * ```ts
 * const log = memoryLog({ partitions: 4, topics: { 'product-information': { partitions: 4, cleanup: 'compact' } } })
 * ```
 */
export function memoryLog(options: MemoryLogOptions = {}): Log<Guarantee> {
  checkOptionNames('memoryLog', options, MEMORY_LOG_OPTIONS)
  const { partitions = 1, topics: topicOptions = {}, retain, clock = systemClock } = options
  checkCount('partitions', partitions)
  for (const [name, topic] of Object.entries(topicOptions)) {
    checkOptionNames(`topics.${name}`, topic, MEMORY_TOPIC_OPTIONS)
    checkCount(`topics.${name}.partitions`, topic.partitions ?? 1)
  }
  checkOptionNames('retain', retain, { records: true })
  checkCount('retain.records', retain?.records ?? 1)
  const topics = new MemoryTopics(partitions, topicOptions, retain?.records)
  const source: LogSource = {
    describe: async (names) => names.map((name) => topics.describe(name)),
    endOffset: async ({ topic, partition }) => topics.get(topic).partition(partition).end,
    earliestOffset: async ({ topic, partition }) => topics.get(topic).partition(partition).earliest,
    read: (from, signal) => topics.read(from, signal),
  }
  return composeLog({
    source,
    sink: {
      append: async (records) => {
        await topics.waitForRoom(records)
        topics.append(records, false)
      },
    },
    group: new MemoryGroups(topics),
    tasks: new MemoryTasks(topics, clock),
    offsets: new MemoryOffsets(topics),
    clock,
    close: async () => topics.close(),
  })
}

function checkCount(option: string, count: number): void {
  if (!Number.isSafeInteger(count) || count < 1)
    throw new JoineryError('OPTION_INVALID', `${option} is ${count}: use a whole number of at least 1`)
}
