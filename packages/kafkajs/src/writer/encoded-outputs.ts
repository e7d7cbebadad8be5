import type { NewRecord } from '@joinery/core'
import type { OutputBuffer } from '@joinery/core/log'
import { OpenBatches, type TopicFacts } from './sealed-batches.js'
import type { SpareBuffers } from './spare-buffers.js'

/** Outputs of one commit, encoded as they come; those of topics that nobody has asked about yet are kept as they are. */
export class EncodedOutputs implements OutputBuffer {
  readonly batches: OpenBatches
  readonly rest: NewRecord[] = []
  readonly #facts: ReadonlyMap<string, TopicFacts>
  readonly #unknown = new Set<string>()

  /** @param facts grows as topics become known */
  constructor(facts: ReadonlyMap<string, TopicFacts>, spare?: SpareBuffers) {
    this.#facts = facts
    this.batches = new OpenBatches(spare)
  }

  add(record: NewRecord): void {
    const { topic } = record
    const facts = this.#facts.get(topic)
    // what began in the rest goes on there: a partition's records stay in order
    if (facts === undefined || this.#unknown.has(topic)) {
      this.#unknown.add(topic)
      this.rest.push(record)
    } else this.batches.add(record, facts)
  }
}
