import { randomUUID } from 'node:crypto'
import { JoineryError } from '../../errors.js'
import type { NewRecord, Origin } from '../../record.js'
import type { Batch, TopicInfo } from '../contract.js'
import { partitionFor } from '../murmur2.js'
import { MemoryPartition } from './memory-partition.js'

/** Options of a topic in memory. */
export interface MemoryTopicOptions {
  /**
   * The number of partitions.
   * @defaultValue {@link MemoryLogOptions.partitions}
   */
  readonly partitions?: number
  /**
   * The cleanup policy. `'compact'` keeps the latest record for each key: use it for the topics of tables.
   * @defaultValue `'delete'`
   */
  readonly cleanup?: 'compact' | 'delete'
}

const DAY_MS = 86_400_000
const UNBOUNDED = 2 ** 31 - 1

/** A topic in memory. */
export class MemoryTopic {
  readonly info: TopicInfo
  readonly #partitions: readonly MemoryPartition[]
  /** The next offset of each group that reads the topic, by partition. */
  readonly #positions = new Map<number, Map<string, number>>()

  constructor(name: string, id: string, { partitions = 1, cleanup = 'delete' }: MemoryTopicOptions) {
    this.info = { topic: name, id, partitions, cleanup, deleteRetentionMs: DAY_MS, maxMessageBytes: UNBOUNDED }
    this.#partitions = Array.from(
      { length: partitions },
      (_, partition) => new MemoryPartition(name, partition, cleanup === 'compact'),
    )
  }

  partition(number: number): MemoryPartition {
    const found = this.#partitions[number]
    if (found !== undefined) return found
    const { topic, partitions } = this.info
    throw new JoineryError('OPTION_INVALID', `${topic} has partitions 0 to ${partitions - 1}, not ${number}`, {
      topic,
      partition: number,
    })
  }

  /** Registers a group: records are kept until it has processed them. */
  subscribe(group: string): void {
    this.#partitions.forEach((partition, number) => {
      if (!this.#positions.get(number)?.has(group)) this.setPosition(group, number, partition.earliest)
    })
  }

  /** Records that a group has processed a partition up to `next`. */
  setPosition(group: string, partition: number, next: number): void {
    const positions = this.#positions.get(partition) ?? new Map<string, number>()
    this.#positions.set(partition, positions.set(group, next))
  }

  /** @returns the lowest position of any group; infinity if no group reads the topic */
  lowestPosition(partition: number): number {
    return Math.min(...(this.#positions.get(partition)?.values() ?? []), Number.POSITIVE_INFINITY)
  }
}

/** All topics of an in-memory log. They are created on first use. */
export class MemoryTopics {
  readonly #topics = new Map<string, MemoryTopic>()
  readonly #options: Readonly<Record<string, MemoryTopicOptions>>
  readonly #partitions: number
  readonly #retain: number | undefined
  /** Part of topic ids: topics of two logs with equal names differ, and a store must not confuse their changelogs. */
  readonly #logId: string = randomUUID()
  readonly #closing = new AbortController()
  #waiting: (() => void)[] = []

  constructor(partitions: number, options: Readonly<Record<string, MemoryTopicOptions>>, retain: number | undefined) {
    this.#partitions = partitions
    this.#options = options
    this.#retain = retain
  }

  /** Ends all readers. Every later call fails with `LOG_CLOSED`. */
  close(): void {
    this.#closing.abort()
  }

  async *read({ topic, partition, offset }: Origin, signal: AbortSignal): AsyncGenerator<Batch, void, void> {
    const ending = AbortSignal.any([signal, this.#closing.signal])
    yield* this.get(topic).partition(partition).read(offset, ending)
    if (!signal.aborted) throw closed()
  }

  /**
   * Describes a topic, which is created if it does not exist. A changelog is not: only its tasks know how many
   * partitions it needs. It has none until then.
   *
   * @throws JoineryError `LOG_CLOSED` after {@link close}
   */
  describe(name: string): TopicInfo {
    if (!name.endsWith('-changelog') || this.#topics.has(name)) return this.get(name).info
    return { ...new MemoryTopic(name, name, { partitions: 1, cleanup: 'compact' }).info, partitions: 0 }
  }

  /**
   * @returns the topic, which is created if it does not exist
   * @throws JoineryError `LOG_CLOSED` after {@link close}
   */
  get(name: string, options: MemoryTopicOptions = {}): MemoryTopic {
    if (this.#closing.signal.aborted) throw closed()
    const found = this.#topics.get(name)
    if (found !== undefined) return found
    const created = new MemoryTopic(name, `${this.#logId}/${name}`, {
      partitions: this.#partitions,
      ...options,
      ...this.#options[name],
    })
    this.#topics.set(name, created)
    return created
  }

  /** Waits until the topics have room for records: what a group has not processed is never deleted. */
  async waitForRoom(records: readonly NewRecord[]): Promise<void> {
    if (this.#retain === undefined) return
    for (const { topic, partition } of this.#targets(records)) {
      while (!this.#hasRoom(topic, partition)) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** Appends all records atomically. */
  append(records: readonly NewRecord[], marker: boolean): void {
    const targets = Array.from(this.#targets(records), ({ topic, partition, records: ofTarget }) => ({
      target: topic.partition(partition),
      ofTarget,
    }))
    for (const { target, ofTarget } of targets) target.append(ofTarget, marker)
  }

  /** Wakes appends that wait for room, because groups have processed records. */
  positionsChanged(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  #hasRoom(topic: MemoryTopic, partition: number): boolean {
    if (topic.info.cleanup === 'compact' || this.#retain === undefined) return true
    const position = topic.lowestPosition(partition)
    return topic.partition(partition).retain(this.#retain, position)
  }

  #targets(
    records: readonly NewRecord[],
  ): Iterable<{ readonly topic: MemoryTopic; readonly partition: number; readonly records: NewRecord[] }> {
    const targets = new Map<string, { topic: MemoryTopic; partition: number; records: NewRecord[] }>()
    for (const record of records) {
      const topic = this.get(record.topic)
      const partition = record.partition ?? (record.key === null ? 0 : partitionFor(record.key, topic.info.partitions))
      const id = `${record.topic}/${partition}`
      const target = targets.get(id)
      if (target === undefined) targets.set(id, { topic, partition, records: [record] })
      else target.records.push(record)
    }
    return targets.values()
  }
}

const closed = (): JoineryError => new JoineryError('LOG_CLOSED', 'the log was disposed of')
