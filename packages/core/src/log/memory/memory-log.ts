import { type Clock, systemClock } from '../../clock.js'
import { JoineryError } from '../../errors.js'
import { composeLog } from '../compose-log.js'
import type { Guarantee, Log, LogSource } from '../contract.js'
import { MemoryGroups } from './memory-group.js'
import { MemoryOffsets } from './memory-offsets.js'
import { MemoryTasks } from './memory-tasks.js'
import { type MemoryTopicOptions, MemoryTopics } from './memory-topics.js'

/** Options of {@link memoryLog}. */
export interface MemoryLogOptions {
  /**
   * Partitions of topics that appear on first use.
   * @defaultValue `1`
   */
  readonly partitions?: number
  /** Topics that differ from that, or are compacted. */
  readonly topics?: Readonly<Record<string, MemoryTopicOptions>>
  /** Keeps about so many records in each partition of topics that are not compacted; what a group has not processed stays, and appending waits. Default: everything is kept. */
  readonly retain?: {
    /** At least 1. */
    readonly records: number
  }
  /**
   * Gives records of changelogs their time.
   * @defaultValue the machine's clock
   */
  readonly clock?: Clock
}

/**
 * A partitioned log in this process: groups, fenced transactions, compaction, and every guarantee of the real thing but
 * durability. Any number of applications may share one.
 *
 * @throws JoineryError `OPTION_INVALID`
 *
 * @example
 * ```ts
 * const log = memoryLog({ partitions: 4, topics: { 'product-information': { partitions: 4, cleanup: 'compact' } } })
 * ```
 */
export function memoryLog({
  partitions = 1,
  topics: options = {},
  retain,
  clock = systemClock,
}: MemoryLogOptions = {}): Log<Guarantee> {
  checkCount('partitions', partitions)
  for (const [name, topic] of Object.entries(options)) checkCount(`topics.${name}.partitions`, topic.partitions ?? 1)
  checkCount('retain.records', retain?.records ?? 1)
  const topics = new MemoryTopics(partitions, options, retain?.records)
  const source: LogSource = {
    describe: async (names) => names.map((name) => topics.get(name).info),
    endOffset: async ({ topic, partition }) => topics.get(topic).partition(partition).end,
    earliestOffset: async ({ topic, partition }) => topics.get(topic).partition(partition).earliest,
    read: (from, signal) => topics.read(from, signal),
  }
  return composeLog({
    source,
    sink: {
      append: async (records) => {
        await topics.whenRoom(records)
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
