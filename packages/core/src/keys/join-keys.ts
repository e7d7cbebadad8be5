import type { LogSource, TopicInfo } from '../log/contract.js'
import { observedSource } from '../log/observed-source.js'
import type { ApplicationPlan, TablePlan } from '../pipeline/plan.js'
import type { LogRecord } from '../record.js'
import { keyMismatch } from './key-mismatch.js'
import { PARTITIONERS } from './partitioners.js'
import { TopicKeys } from './topic-keys.js'

/** The first keys of each partition are sampled, and every thousandth after them. */
const FIRST_KEYS = 1_000
const EVERY = 1_000

/** A join whose keys never meet. */
export interface KeyMismatch {
  readonly pipeline: string
  /** The topic of the table. */
  readonly table: string
  /** Why, and what to do. */
  readonly reason: string
}

/** Samples the keys of an application's inputs, and finds joins whose keys never meet. */
export class JoinKeys {
  readonly #joins: readonly { readonly pipeline: string; readonly stream: string; readonly table: string }[]
  readonly #topics = new Map<string, TopicKeys>()
  /** Records that were read, by partition. */
  readonly #read = new Map<string, number>()
  /** By pipeline and table. */
  readonly #mismatches = new Map<string, KeyMismatch>()
  readonly #found: (mismatch: KeyMismatch) => void

  /** @param found called when the keys of a join turn out never to meet, and again if they have met meanwhile */
  constructor({ pipelines }: ApplicationPlan, found: (mismatch: KeyMismatch) => void) {
    this.#joins = pipelines.flatMap(({ name: pipeline, stream, tables }) =>
      tables.map(({ topic: table }: TablePlan) => ({ pipeline, stream, table })),
    )
    this.#found = found
  }

  get gauges(): Readonly<Record<string, number>> {
    return { joinsWithoutMatches: this.#mismatches.size }
  }

  /** The same, as text. */
  get problems(): readonly string[] {
    return this.mismatches.map(
      ({ pipeline, table, reason }) => `pipeline ${pipeline} and table ${table} cannot match: ${reason}`,
    )
  }

  /** Joins whose keys never meet. */
  get mismatches(): readonly KeyMismatch[] {
    return [...this.#mismatches.values()]
  }

  /** @returns a source that samples what is read of the inputs */
  sampled(source: LogSource, inputs: ReadonlyMap<string, TopicInfo>): LogSource {
    const joined = new Set(this.#joins.flatMap(({ stream, table }) => [stream, table]))
    return observedSource(source, ({ records }, { topic, partition }) => {
      const info = inputs.get(topic)
      if (info !== undefined && joined.has(topic)) this.add(info, partition, records)
    })
  }

  add(
    { topic, partitions }: Pick<TopicInfo, 'topic' | 'partitions'>,
    partition: number,
    records: readonly LogRecord[],
  ): void {
    const place = `${topic}/${partition}`
    const before = this.#read.get(place) ?? 0
    this.#read.set(place, before + records.length)
    const keys = this.#keysOf(topic, partitions)
    const sizeBefore = keys.sampled
    const first = Math.max(0, Math.min(records.length, FIRST_KEYS - before))
    for (let i = 0; i < first; i++) keys.add(records[i]?.key, partition)
    const untilNext = EVERY - ((before + first) % EVERY)
    for (let i = first + untilNext - 1; i < records.length; i += EVERY) keys.add(records[i]?.key, partition)
    if (keys.sampled !== sizeBefore) this.#compare(topic)
  }

  /** @returns how many different keys of a topic were sampled last, and whether murmur2 puts all of them where they lie */
  murmur2Keys(topic: string): { readonly count: number; readonly isUsed: boolean } {
    const [murmur2] = PARTITIONERS
    const { size = 0 } = this.#topics.get(topic)?.sample ?? {}
    return { count: size, isUsed: size === 0 || this.#topics.get(topic)?.sample.share(murmur2) === 1 }
  }

  #keysOf(topic: string, partitions: number): TopicKeys {
    let keys = this.#topics.get(topic)
    if (keys === undefined) {
      keys = new TopicKeys(topic, partitions)
      this.#topics.set(topic, keys)
    }
    return keys
  }

  #compare(topic: string): void {
    for (const { pipeline, stream, table } of this.#joins) {
      const [a, b] = [this.#topics.get(stream), this.#topics.get(table)]
      if ((topic !== stream && topic !== table) || a === undefined || b === undefined) continue
      const id = `${pipeline}/${table}`
      const reason = keyMismatch(a, b)
      if (reason === undefined) this.#mismatches.delete(id)
      else if (!this.#mismatches.has(id)) {
        const mismatch = { pipeline, table, reason }
        this.#mismatches.set(id, mismatch)
        this.#found(mismatch)
      }
    }
  }
}
