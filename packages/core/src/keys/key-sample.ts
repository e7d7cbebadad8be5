import { PARTITIONERS, type Partitioner } from './partitioners.js'

/** Distinct keys after which a new sample begins, so that it shows what producers do now. */
const WINDOW = 1_000
/** A schema registry has few schemas for keys: with more than these, the bytes are not ids. */
const MAX_SCHEMA_IDS = 16
const QUOTE = 0x22
/** The first byte of Confluent's wire format, and the bytes that it has before the content. */
const MAGIC = 0
const MAGIC_BYTES = 5
const SPACE = 0x20
const DELETE = 0x7f

/** Distinct keys of one topic, and what they have in common. */
export class KeySample {
  /** For each known partitioner: how many keys lie where it puts them. */
  readonly #placed: number[] = PARTITIONERS.map(() => 0)
  readonly #hashes = new Set<number>()
  readonly #schemaIds = new Set<number>()
  #withSchemaId = 0
  #quoted = 0
  #textual = 0
  #shortest = Number.POSITIVE_INFINITY
  #longest = 0

  /** Number of distinct keys. */
  get size(): number {
    return this.#hashes.size
  }

  get isFull(): boolean {
    return this.size >= WINDOW
  }

  /** Adds a key that lies in a partition. */
  add(key: Uint8Array, partition: number, partitions: number): void {
    const [{ hash: hashOf }] = PARTITIONERS
    const id = hashOf(key)
    if (this.#hashes.has(id)) return
    this.#hashes.add(id)
    PARTITIONERS.forEach(({ hash, partition: partitionOf }, i) => {
      if (partitionOf(hash(key), partitions) === partition) this.#placed[i] = (this.#placed[i] as number) + 1
    })
    this.#shortest = Math.min(this.#shortest, key.length)
    this.#longest = Math.max(this.#longest, key.length)
    if (key.length > 1 && key[0] === QUOTE && key.at(-1) === QUOTE) this.#quoted++
    if (key.every((byte) => byte >= SPACE && byte !== DELETE)) this.#textual++
    const schemaId = schemaIdOf(key)
    if (schemaId === undefined) return
    this.#withSchemaId++
    if (this.#schemaIds.size <= MAX_SCHEMA_IDS) this.#schemaIds.add(schemaId)
  }

  /** @returns the share of the keys that lie where a partitioner puts them */
  share(partitioner: Partitioner): number {
    return (this.#placed[PARTITIONERS.indexOf(partitioner)] as number) / this.size
  }

  /** Whether a key occurs in both; a collision of hashes counts as one. */
  hasKeyOf(other: KeySample): boolean {
    for (const hash of this.#hashes) if (other.#hashes.has(hash)) return true
    return false
  }

  /** The length of every key; `undefined` if they differ. */
  get length(): number | undefined {
    return this.#shortest === this.#longest ? this.#longest : undefined
  }

  /** Whether all keys, or none, are in quotation marks; `undefined` for some. */
  get isQuoted(): boolean | undefined {
    return allOrNone(this.#quoted, this.size)
  }

  /** Whether all keys are text, without control characters. */
  get isText(): boolean {
    return this.#textual === this.size
  }

  /** The schema ids that all keys begin with; empty if none does, `undefined` if some do. */
  get schemaIds(): ReadonlySet<number> | undefined {
    if (this.#schemaIds.size > MAX_SCHEMA_IDS) return undefined
    return allOrNone(this.#withSchemaId, this.size) === undefined ? undefined : this.#schemaIds
  }
}

/** @returns the id in Confluent's wire format; `undefined` if a key has none */
function schemaIdOf(key: Uint8Array): number | undefined {
  if (key.length <= MAGIC_BYTES || key[0] !== MAGIC) return undefined
  const id = new DataView(key.buffer, key.byteOffset).getInt32(1)
  return id > 0 ? id : undefined
}

function allOrNone(count: number, of: number): boolean | undefined {
  if (count === of) return true
  return count === 0 ? false : undefined
}
