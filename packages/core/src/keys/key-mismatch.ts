import type { KeySample } from './key-sample.js'
import { PARTITIONERS, type Partitioner } from './partitioners.js'

/** With fewer distinct keys, nothing is concluded. */
const MIN_KEYS = 50
const MIN_KEYS_OF_ONE_SHAPE = 200
/** The same kind of text keys can have other lengths in other ranges, such as counters; from this many bytes on they do not. */
const MIN_FIXED_TEXT = 16
/** Integers of this many bytes may look like schema ids. */
const INT64_BYTES = 8
/** A topic uses a partitioner if at least this share of its keys lie where it puts them, and does not with at most the other. */
const USES = 0.95
const DOES_NOT_USE = 0.75

/** The sampled keys of a topic. */
export interface SampledTopic {
  readonly topic: string
  readonly partitions: number
  readonly sample: KeySample
}

/**
 * Why the keys of a stream and of a table never meet.
 *
 * @returns a sentence that says what to change; `undefined` if they may meet, or if the samples are too small to know
 */
export function keyMismatch(stream: SampledTopic, table: SampledTopic): string | undefined {
  if (Math.min(stream.sample.size, table.sample.size) < MIN_KEYS) return undefined
  return partitionMismatch(stream, table) ?? shapeMismatch(stream, table)
}

/** A partitioner that neither side is known to use is not compared: both may share one of their own. */
function partitionMismatch(stream: SampledTopic, table: SampledTopic): string | undefined {
  if (stream.partitions < 2) return undefined
  const [ofStream, ofTable] = [usedBy(stream), usedBy(table)]
  const isShared = ofStream.some((each) => ofTable.includes(each))
  const isDifferent = (used: readonly Partitioner[], other: SampledTopic) =>
    used.length > 0 && used.every((each) => other.sample.share(each) <= DOES_NOT_USE)
  if (isShared || !(isDifferent(ofStream, table) || isDifferent(ofTable, stream))) return undefined
  const [murmur2] = PARTITIONERS
  const others = [
    ...(ofStream.includes(murmur2) ? [] : [{ ...stream, used: ofStream }]),
    ...(ofTable.includes(murmur2) ? [] : [{ ...table, used: ofTable }]),
  ]
  const advice = others.map(({ topic, used: [used] }) =>
    used === undefined
      ? `${topic}: use murmur2 in its producers, and rewrite it if its number of partitions was changed`
      : `${topic}: ${used.advice}`,
  )
  return `equal keys lie in different partitions: ${named(stream, ofStream)}, ${named(table, ofTable)} (${advice.join('; ')})`
}

const usedBy = ({ sample }: SampledTopic): readonly Partitioner[] =>
  PARTITIONERS.filter((partitioner) => sample.share(partitioner) >= USES)

const named = ({ topic }: SampledTopic, [used]: readonly Partitioner[]): string =>
  `those of ${topic} where ${used?.name ?? 'an unknown partitioner'} puts them`

function shapeMismatch(stream: SampledTopic, table: SampledTopic): string | undefined {
  const [a, b] = [stream.sample, table.sample]
  if (a.hasKeyOf(b)) return undefined
  const mayBeInt64 = a.length === INT64_BYTES && b.length === INT64_BYTES
  const [idsA, idsB] = mayBeInt64 ? [] : [a.schemaIds, b.schemaIds]
  if (idsA !== undefined && idsB !== undefined && idsA.size + idsB.size > 0 && ![...idsA].some((id) => idsB.has(id)))
    return `keys differ in their schema ids: ${withIds(stream, idsA)}, ${withIds(table, idsB)} (write both with one schema)`
  if (a.isQuoted !== undefined && b.isQuoted !== undefined && a.isQuoted !== b.isQuoted) {
    const [quoted, plain] = a.isQuoted ? [stream, table] : [table, stream]
    return `keys of ${quoted.topic} are in quotation marks, those of ${plain.topic} are not (write both as text, or both as JSON)`
  }
  if (Math.min(a.size, b.size) < MIN_KEYS_OF_ONE_SHAPE) return undefined
  if (a.length === undefined || b.length === undefined || a.length === b.length) return undefined
  if (a.isText && b.isText && Math.min(a.length, b.length) < MIN_FIXED_TEXT) return undefined
  return `keys of ${stream.topic} have ${a.length} bytes, those of ${table.topic} have ${b.length} (write both with one serializer)`
}

const withIds = ({ topic }: SampledTopic, ids: ReadonlySet<number>): string =>
  ids.size === 0 ? `those of ${topic} have none` : `those of ${topic} have ${[...ids].join(', ')}`
