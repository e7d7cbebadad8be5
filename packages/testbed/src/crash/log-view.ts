import { changelogEntry, type PositionRecord } from '../changelog-records.js'
import type { RawLog } from '../wire/raw-log.js'
import type { RawBatch } from '../wire/record-batches.js'
import { committedRecords } from './committed.js'
import { inputsOf, type RawTopics, topicsOf } from './history.js'
import type { Service } from './service.js'

const TAIL = 200

/** The topics of a service, read directly from the log, without any client library. */
export class LogView {
  readonly #raw: RawLog
  readonly #service: Service
  /** The number of partitions of each topic. */
  readonly #topics: ReadonlyMap<string, number>
  readonly #changelog: string
  readonly #tasks: number

  constructor(raw: RawLog, service: Service, topics: ReadonlyMap<string, number>, tasks: number) {
    this.#raw = raw
    this.#service = service
    this.#changelog = `${service.application}-changelog`
    this.#topics = new Map([...topics, [this.#changelog, tasks]])
    this.#tasks = tasks
  }

  /** Reads all topics. */
  async read(): Promise<RawTopics> {
    const all = new Map<string, RawBatch[][]>()
    for (const [topic, partitions] of this.#topics) {
      const found: RawBatch[][] = []
      for (let partition = 0; partition < partitions; partition++)
        found.push(await this.#raw.batches({ topic, partition }))
      all.set(topic, found)
    }
    return all
  }

  /** Whether a transaction is open in one of the topics that the service writes. */
  async isTransactionOpen(): Promise<boolean> {
    for (const topic of topicsOf(this.#service)) {
      const ends = await this.#raw.endOffsets(topic, this.#topics.get(topic) as number).catch(() => [])
      if (ends.some(({ lastStableOffset, highWatermark: written }) => lastStableOffset < written)) return true
    }
    return false
  }

  /** By task: where its open transaction starts in the changelog; `undefined` if none is open there. */
  async openTransactions(): Promise<readonly (number | undefined)[]> {
    const ends = await this.#raw.endOffsets(this.#changelog, this.#tasks)
    return ends.map(({ lastStableOffset, highWatermark: written }) =>
      lastStableOffset < written ? lastStableOffset : undefined,
    )
  }

  /** The last POSITION of each task; `undefined` if the end of its changelog is undecided. */
  async positions(): Promise<readonly (PositionRecord | undefined)[]> {
    const topic = this.#changelog
    const ends = await this.#raw.endOffsets(topic, this.#tasks)
    return Promise.all(
      ends.map(async ({ lastStableOffset, highWatermark: written }, partition) => {
        if (lastStableOffset < written) return undefined
        const tail = await this.#raw.tail({ topic, partition }, written, TAIL)
        const { records } = committedRecords(topic, partition, tail)
        for (const { key, value } of records.toReversed()) {
          const entry = key === null ? undefined : changelogEntry(key, value)
          if (entry?.type === 'position') return entry.position
        }
        return undefined
      }),
    )
  }

  /** @returns the positions of all tasks, and whether a transaction is open, for messages */
  async describe(): Promise<string> {
    const positions = await this.positions().catch(() => [])
    const tasks = positions.map((position, task) => `[${task}] ${JSON.stringify(position?.inputs)}`)
    return `${tasks.join('; ')}; open transactions: ${await this.isTransactionOpen()}`
  }

  /** Whether everything was read, and no event is waiting. */
  async isDrained(): Promise<boolean> {
    if (await this.isTransactionOpen()) return false
    const positions = await this.positions()
    for (const topic of inputsOf(this.#service)) {
      const ends = await this.#raw.endOffsets(topic, this.#tasks)
      if (ends.some(({ highWatermark: written }, task) => (positions[task]?.inputs[topic]?.next ?? 0) < written))
        return false
    }
    const waiting = positions.flatMap((position) =>
      Object.values(position?.totals ?? {}).map((totals) => totals.waiting),
    )
    return waiting.every((count) => count === 0)
  }
}
