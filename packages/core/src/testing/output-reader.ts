import type { LogSource } from '../log/contract.js'
import type { LogRecord, Origin } from '../record.js'

/** Fetches what is appended to a topic, for a test to take. */
export class OutputReader {
  readonly #source: LogSource
  readonly #topic: string
  /** The next offset of each partition. */
  readonly #next: number[] = []
  #records: LogRecord[] = []

  constructor(source: LogSource, topic: string) {
    this.#source = source
    this.#topic = topic
  }

  /** Reads up to the current end of every partition. */
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

  /** What was fetched since the last call. */
  take(): readonly LogRecord[] {
    const taken = this.#records
    this.#records = []
    return taken
  }
}
