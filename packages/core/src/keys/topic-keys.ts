import { KeySample } from './key-sample.js'

/** The keys of a topic: the last full sample, or the first one while it grows. */
export class TopicKeys {
  readonly topic: string
  readonly partitions: number
  /** Number of keys that were sampled. */
  sampled = 0
  #growing = new KeySample()
  #sample: KeySample = this.#growing

  constructor(topic: string, partitions: number) {
    this.topic = topic
    this.partitions = partitions
  }

  get sample(): KeySample {
    return this.#sample
  }

  add(key: Uint8Array | null | undefined, partition: number): void {
    if (key == null) return
    this.sampled++
    this.#growing.add(key, partition, this.partitions)
    if (!this.#growing.isFull) return
    this.#sample = this.#growing
    this.#growing = new KeySample()
  }
}
