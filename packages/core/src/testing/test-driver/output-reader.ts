import type { LogSource } from '../../log/contract.js'
import type { LogRecord, Origin } from '../../record.js'

/** Reads the records that are appended to a topic. */
export class OutputReader {
  readonly #source: LogSource
  readonly #topic: string
  /** The next offset to read of each partition. */
  readonly #next: number[] = []
  #records: LogRecord[] = []

  constructor(source: LogSource, topic: string) {
    this.#source = source
    this.#topic = topic
  }

  /** Reads every partition up to its current end. */
  async fetch(): Promise<void> {
    const [info] = await this.#source.describe([this.#topic])
    for (let partition = 0; partition < (info?.partitions ?? 0); partition++) {
      const at = { topic: this.#topic, partition }
      const next = this.#next[partition] ?? (await this.#source.earliestOffset(at))
      const end = await this.#source.endOffset(at, 'last-stable-offset')
      this.#next[partition] = next < end ? await this.#read({ ...at, offset: next }, end) : next
    }
  }

  async #read(from: Origin, end: number): Promise<number> {
    const stop = new AbortController()
    try {
      for await (const batch of this.#source.read(from, stop.signal)) {
        this.#records.push(...batch.records)
        if (batch.next >= end) return batch.next
      }
    } finally {
      stop.abort()
    }
    return from.offset
  }

  /** @returns the records that were fetched since the last call */
  take(): readonly LogRecord[] {
    const records = this.#records
    this.#records = []
    return records
  }
}
