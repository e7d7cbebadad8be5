import { describe, expect, it } from 'vitest'
import { keyMismatch, type SampledTopic } from '../../src/keys/key-mismatch.js'
import { KeySample } from '../../src/keys/key-sample.js'
import { PARTITIONERS } from '../../src/keys/partitioners.js'

type Place = (key: Uint8Array, partitions: number) => number

const by =
  (name: string): Place =>
  (key, partitions) => {
    const found = PARTITIONERS.find((each) => each.name.startsWith(name))
    if (found === undefined) throw new Error(`no partitioner ${name}`)
    return found.partition(found.hash(key), partitions)
  }
const murmur2 = by('murmur2')
const crc32 = by('CRC32')
/** The last byte: a partitioner of one's own. */
const own: Place = (key, partitions) => (key.at(-1) as number) % partitions

interface Keys {
  readonly place?: Place
  readonly count?: number
  readonly partitions?: number
  readonly key?: (i: number) => Uint8Array
}

function topicOf(
  topic: string,
  { place = murmur2, count = 300, partitions = 12, key = (i) => Buffer.from(`product-key-${i}`) }: Keys,
): SampledTopic {
  const sample = new KeySample()
  for (let i = 0; i < count; i++) sample.add(key(i), place(key(i), partitions), partitions)
  return { topic, partitions, sample }
}
const mismatch = (events: Keys, rows: Keys) => keyMismatch(topicOf('events', events), topicOf('rows', rows))

describe('keys in different partitions', () => {
  it.each([2, 3, 12, 64])('are found, with the partitioner of each side: %i partitions', (partitions) => {
    expect(mismatch({ place: crc32, partitions }, { partitions })).toBe(
      "equal keys lie in different partitions: those of events where CRC32 (librdkafka's default) puts them, those of rows where murmur2 (Kafka's default) puts them (events: set partitioner=murmur2_random in its producers)",
    )
  })

  it.each(PARTITIONERS.slice(1).map(({ name }) => name))('are found on the side of the table, too: %s', (name) => {
    const text = mismatch({}, { place: by(name) })
    expect(text).toContain(`those of rows where ${name} puts them`)
    expect(text).toContain('(rows: ')
  })

  it('are found if neither side uses murmur2', () => {
    const text = mismatch({ place: crc32 }, { place: by("FNV-1a (Sarama's") })
    expect(text).toContain('events: set partitioner=murmur2_random in its producers; rows: set a murmur2 partitioner')
  })

  it('are found if the partitioner of one side is unknown', () => {
    expect(mismatch({ place: own }, {})).toContain('those of events where an unknown partitioner puts them')
  })

  it('are found among other records: a few that were placed by hand change nothing', () => {
    const mostly: Place = (key, partitions) => (String(key).endsWith('77') ? 0 : murmur2(key, partitions))
    expect(mismatch({ place: mostly }, { place: crc32 })).toBeDefined()
    expect(mismatch({ place: mostly }, {})).toBeUndefined()
  })

  it.each([
    ['both use murmur2', {}, {}],
    ['both use CRC32', { place: crc32 }, { place: crc32 }],
    ['both use a partitioner of their own', { place: own }, { place: own }],
    ['there is one partition', { place: crc32, partitions: 1 }, { partitions: 1 }],
    ['few keys were seen', { place: crc32, count: 49 }, {}],
  ] as const)('are not reported if %s', (_, events, rows) => {
    expect(mismatch(events, rows)).toBeUndefined()
  })

  it('are not reported because one key occurs often', () => {
    const events = topicOf('events', { place: crc32, count: 10 })
    for (let i = 0; i < 1_000; i++) events.sample.add(Buffer.from('k1'), 0, 12)
    expect(keyMismatch(events, topicOf('rows', {}))).toBeUndefined()
  })
})

describe('keys that are written differently', () => {
  const withSchema = (id: number) => (i: number) => {
    const key = Buffer.from(`\0    k${i}`)
    key.writeInt32BE(id, 1)
    return key
  }
  const quoted = (i: number) => Buffer.from(`"k${i}"`)
  const int32 = (i: number) => {
    const key = Buffer.alloc(4)
    key.writeInt32BE(i)
    return key
  }
  const int64 = (i: number) => {
    const key = Buffer.alloc(8)
    key.writeBigInt64BE(BigInt(i))
    return key
  }

  it('are named by their schema ids', () => {
    expect(mismatch({ key: withSchema(3) }, { key: withSchema(5) })).toBe(
      'keys differ in their schema ids: those of events have 3, those of rows have 5 (write both with one schema)',
    )
    expect(mismatch({ key: withSchema(3) }, {})).toBe(
      'keys differ in their schema ids: those of events have 3, those of rows have none (write both with one schema)',
    )
  })

  it('are named by their quotation marks', () => {
    expect(mismatch({}, { key: quoted })).toBe(
      'keys of rows are in quotation marks, those of events are not (write both as text, or both as JSON)',
    )
  })

  it.each([
    [
      'text counters of other ranges',
      (i: number) => Buffer.from(`${10_000 + i}`),
      (i: number) => Buffer.from(`${1_000 + i}`),
    ],
    [
      'prefixed counters of other ranges',
      (i: number) => Buffer.from(`user-${10_000 + i}`),
      (i: number) => Buffer.from(`user-${100 + i}`),
    ],
    ['64-bit integers of other ranges', (i: number) => int64(2 ** 24 + i), (i: number) => int64(3 * 2 ** 24 + i)],
  ])('are not reported for %s', (_, event, row) => {
    expect(mismatch({ key: event }, { key: row })).toBeUndefined()
  })

  it('are named by the lengths of long text', () => {
    const uuid = (i: number) => `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`
    const events = { key: (i: number) => Buffer.from(uuid(i)) }
    const rows = { key: (i: number) => Buffer.from(uuid(i).replaceAll('-', '')) }
    expect(mismatch(events, rows)).toContain('keys of events have 36 bytes, those of rows have 32')
  })

  it('are named by their lengths', () => {
    expect(mismatch({ key: int32 }, { key: int64 })).toBe(
      'keys of events have 4 bytes, those of rows have 8 (write both with one serializer)',
    )
  })

  it.each([
    ['a schema id', withSchema(3)],
    ['quotation marks', quoted],
    ['a length', int64],
  ])('are not reported if both have %s', (_, key) => {
    expect(mismatch({ key }, { key })).toBeUndefined()
  })

  it('are not reported while few keys of one length were seen', () => {
    const fixed = (length: number) => (i: number) => Buffer.from(String(i).padStart(length, '0'))
    expect(mismatch({ key: fixed(20), count: 199 }, { key: fixed(24) })).toBeUndefined()
    expect(mismatch({ key: fixed(20), count: 200 }, { key: fixed(24) })).toBeDefined()
  })

  it('are not reported once a key occurs on both sides', () => {
    const some = (i: number) => (i === 7 ? quoted(7) : withSchema(3)(i))
    expect(mismatch({ key: some }, { key: quoted })).toBeUndefined()
  })
})
