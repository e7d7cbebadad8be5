import { JoineryError, memoryLog } from '../../src/index.js'
import type { Batch, Guarantee, Log, LogRecord, LogSource, NewRecord, ReadPosition } from '../../src/log.js'
import type { ManualClock } from '../../src/testing.js'

/** One incarnation of a topic, and where each leader epoch begins. */
interface Incarnation {
  readonly name: string
  readonly epochs: readonly number[]
  readonly truncated: AbortController
}

/**
 * A log in memory whose topics of one partition can lose their ends, as after an unclean leader election: each truncation begins
 * a new leader epoch. It reports that to readers as Kafka does.
 */
export class TruncatableLog {
  readonly log: Log<Guarantee>
  readonly #inner: Log<Guarantee>
  readonly #topics = new Map<string, Incarnation>()
  readonly #ids = new Map<string, string>()

  constructor(clock: ManualClock, compacted: readonly string[]) {
    const names = compacted.flatMap((topic) => [topic, ...[1, 2, 3].map((number) => `${topic}#${number}`)])
    const topics = Object.fromEntries(names.map((name) => [name, { cleanup: 'compact' as const }]))
    this.#inner = memoryLog({ clock, topics })
    const inner = this.#inner
    const source: LogSource = {
      describe: async (topics) => {
        const infos = await inner.source.describe(topics.map((topic) => this.#of(topic).name))
        return infos.map((info, i) => {
          const topic = topics[i] as string
          return { ...info, topic, id: this.#ids.get(topic) ?? `id of ${topic}` }
        })
      },
      endOffset: (at, kind) => inner.source.endOffset({ ...at, topic: this.#of(at.topic).name }, kind),
      earliestOffset: (at) => inner.source.earliestOffset({ ...at, topic: this.#of(at.topic).name }),
      read: (from, signal) => this.#read(from, signal),
    }
    const sink = {
      append: (records: readonly NewRecord[]) => inner.sink.append(records.map((each) => this.#renamed(each))),
    }
    this.log = { ...inner, source, sink, [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose]() }
  }

  /** Loses the records of a topic from an offset on. */
  async truncate(topic: string, offset: number): Promise<void> {
    const before = this.#of(topic)
    const { epochs } = before
    const name = `${topic}#${epochs.length}`
    const stop = new AbortController()
    const kept: LogRecord[] = []
    if (offset > 0)
      for await (const { records, next } of this.#inner.source.read(
        { topic: before.name, partition: 0, offset: 0 },
        stop.signal,
      )) {
        kept.push(...records.filter((record) => record.offset < offset))
        if (next >= offset) break
      }
    stop.abort()
    for (const record of kept) await this.#inner.sink.append([{ ...record, topic: name }])
    this.#topics.set(topic, { name, epochs: [...epochs, offset], truncated: new AbortController() })
    before.truncated.abort()
  }

  /** The topic is deleted and created again, with these records. */
  async recreate(topic: string): Promise<void> {
    await this.truncate(topic, 0)
    this.#ids.set(topic, `new id of ${topic}`)
  }

  #of(topic: string): Incarnation {
    const found = this.#topics.get(topic) ?? { name: topic, epochs: [0], truncated: new AbortController() }
    this.#topics.set(topic, found)
    return found
  }

  #renamed(record: NewRecord): NewRecord {
    return { ...record, topic: this.#of(record.topic).name }
  }

  async *#read(from: ReadPosition, signal: AbortSignal): AsyncGenerator<Batch, void, void> {
    let position = from
    while (!signal.aborted) {
      const { name, epochs, truncated } = this.#of(from.topic)
      const { offset, leaderEpoch } = position
      const end = leaderEpoch === undefined ? undefined : epochs[leaderEpoch + 1]
      if (end !== undefined && end < offset)
        throw new JoineryError('OFFSET_OUT_OF_RANGE', `${from.topic} was truncated to offset ${end}`, { ...from })
      const until = AbortSignal.any([signal, truncated.signal])
      for await (const batch of this.#inner.source.read({ ...from, topic: name, offset }, until)) {
        const epoch = epochs.findLastIndex((start) => start < batch.next)
        position = { ...from, offset: batch.next, leaderEpoch: epoch < 0 ? undefined : epoch }
        const records = batch.records.map((record) => ({ ...record, topic: from.topic }))
        yield { ...batch, records, leaderEpoch: position.leaderEpoch }
      }
    }
  }
}
