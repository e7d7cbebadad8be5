import type { NewRecord } from '@joinery/core'
import type { OutputBuffer } from '@joinery/core/log'
import type { BufferPool } from './buffer-pool.js'
import type { OutputTopics } from './output-topics.js'
import { RecordAccumulator } from './record-accumulator.js'

/** Outputs of one commit, encoded when they are added. Records for topics that have not been looked up yet stay unencoded. */
export class EncodedOutputs implements OutputBuffer {
  readonly accumulator: RecordAccumulator
  readonly unencoded: NewRecord[] = []
  readonly #topics: OutputTopics
  readonly #unknown = new Set<string>()

  constructor(topics: OutputTopics, pool?: BufferPool) {
    this.#topics = topics
    this.accumulator = new RecordAccumulator(pool)
  }

  add(record: NewRecord): void {
    const { topic } = record
    const info = this.#topics.get(topic)
    // once one record of a topic is unencoded, all later ones are: records of a partition stay in order
    if (info === undefined || this.#unknown.has(topic)) {
      this.#unknown.add(topic)
      this.unencoded.push(record)
    } else this.accumulator.add(record, info)
  }
}
