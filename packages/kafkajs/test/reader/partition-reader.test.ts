import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { type Fetched, PartitionReader } from '../../src/reader/partition-reader.js'
import { marker, type RawBatch, rawBatch, rawRecord } from '../protocol/record-batch/raw-batch.js'

const MIB = 2 ** 20
const TRANSACTIONAL = 0b1_0000
const CONTROL = 0b11_0000
const MOST_GROWTH = 64

const readerOf = (from = 0, { prefetch = MIB, maxDecompressed = MIB } = {}) =>
  new PartitionReader(
    { topic: 'orders', partition: 3, offset: from },
    { prefetchBytes: prefetch, maxDecompressedBytes: maxDecompressed },
  )
const batch = (baseOffset: number, count: number, more: RawBatch = {}) =>
  rawBatch({
    baseOffset: BigInt(baseOffset),
    records: Array.from({ length: count }, (_, offsetDelta) => rawRecord({ offsetDelta, key: Buffer.from('k') })),
    ...more,
  })
const end = (baseOffset: number, producerId: bigint, type: 'abort' | 'commit') =>
  rawBatch({ baseOffset: BigInt(baseOffset), attributes: CONTROL, producerId, records: [marker(type)] })
const of = (producerId: bigint) => ({ attributes: TRANSACTIONAL, producerId })
const take = (
  reader: PartitionReader,
  batches: readonly Buffer[],
  stableEnd: number,
  abortedTransactions: Fetched['abortedTransactions'] = [],
) => {
  reader.addFetched({
    records: Buffer.concat(batches),
    abortedTransactions,
    lastStableOffset: stableEnd,
    highWatermark: stableEnd,
  })
}
/** Everything that can be read now, as offsets and the position after them. */
const drain = async (reader: PartitionReader) => {
  const offsets: number[] = []
  let next = -1
  while (reader.bytes > 0) {
    const read = await reader.next(() => {})
    offsets.push(...(read?.records ?? []).map(({ offset }) => offset))
    next = read?.next ?? next
  }
  return { offsets, next }
}

describe('the leader epoch', () => {
  const marked = (baseOffset: number, leaderEpoch: number) =>
    rawBatch({
      ...{ baseOffset: BigInt(baseOffset), attributes: CONTROL, producerId: 7n, leaderEpoch },
      records: [marker('abort')],
    })

  it('is that of the last batch, be it of records, aborted, empty or a marker', async () => {
    const reader = readerOf()
    const epochs: (number | undefined)[] = [reader.leaderEpoch]
    for (const each of [
      batch(0, 2, { leaderEpoch: 1 }),
      batch(2, 1, { ...of(7n), leaderEpoch: 2 }),
      marked(3, 3),
      rawBatch({ baseOffset: 4n, lastOffsetDelta: 1, leaderEpoch: 4 }),
      batch(6, 1),
    ]) {
      take(reader, [each], 7, [{ producerId: 7n, firstOffset: 2 }])
      epochs.push(reader.leaderEpoch)
      expect((await reader.next(() => {}))?.leaderEpoch).toBe(reader.leaderEpoch)
    }
    expect(epochs).toEqual([undefined, 1, 2, 3, 4, undefined])
  })

  it('is not that of what was fetched ahead', async () => {
    const reader = readerOf()
    take(reader, [batch(0, 300, { leaderEpoch: 1 }), batch(300, 300, { leaderEpoch: 2 }), marked(600, 3)], 601)
    expect(reader.leaderEpoch).toBe(3)
    expect(await reader.next(() => {})).toMatchObject({ next: 300, leaderEpoch: 1 })
    expect(await reader.next(() => {})).toMatchObject({ next: 601, leaderEpoch: 3 })
  })

  it('is that of the position at which reading began, until something is read', async () => {
    const from = { topic: 'orders', partition: 3, offset: 4, leaderEpoch: 9 }
    const reader = new PartitionReader(from, { prefetchBytes: MIB, maxDecompressedBytes: MIB })
    take(reader, [], 4)
    expect(await reader.next(() => {})).toEqual({ records: [], next: 4, end: 4, leaderEpoch: 9 })
  })
})

describe('the position', () => {
  it('advances past the last offset of each batch, also if compaction left nothing of it', async () => {
    const reader = readerOf()
    take(reader, [batch(0, 2), rawBatch({ baseOffset: 2n, lastOffsetDelta: 7 })], 20)
    expect(reader.position).toBe(10)
    expect(await drain(reader)).toEqual({ offsets: [0, 1], next: 10 })
  })

  it('advances with a response that contains an empty batch and the beginning of a large one', async () => {
    const reader = readerOf()
    const large = batch(5, 1, { records: [rawRecord({ value: Buffer.alloc(5_000) })] })
    take(reader, [rawBatch({ baseOffset: 0n, lastOffsetDelta: 4 }), large.subarray(0, 1_000)], 6)
    expect(reader.position).toBe(5)
    expect(await reader.next(() => {})).toEqual({ records: [], next: 5, end: 6 })
    take(reader, [large], 6)
    expect(await drain(reader)).toEqual({ offsets: [5], next: 6 })
  })

  it('begins within a batch', async () => {
    const reader = readerOf(12)
    take(reader, [batch(10, 5)], 15)
    expect(await drain(reader)).toEqual({ offsets: [12, 13, 14], next: 15 })
  })

  it('moves with every batch of records that is yielded, and never beyond them', async () => {
    const reader = readerOf()
    take(reader, [batch(0, 1_500), batch(1_500, 1_500)], 3_000)
    const first = await reader.next(() => {})
    expect(first?.records.at(-1)?.offset).toBe((first?.next ?? 0) - 1)
    expect(first?.next).toBe(1_500)
    expect((await reader.next(() => {}))?.next).toBe(3_000)
  })

  it('must advance with each response: otherwise it is an error, not an endless loop', () => {
    const reader = readerOf(50)
    expect(() => take(reader, [batch(10, 5)], 60)).toThrow(
      expect.objectContaining({ code: 'RECORDS_CORRUPT', topic: 'orders', partition: 3, offset: 50 }),
    )
  })
})

describe('a response without a complete batch', () => {
  const piece = batch(0, 1, { records: [rawRecord({ value: Buffer.alloc(5_000) })] }).subarray(0, 1_000)

  it('increases the fetch size until a batch arrives', () => {
    const reader = readerOf()
    take(reader, [piece], 1)
    take(reader, [piece], 1)
    expect([reader.position, reader.fetchSizeFactor]).toEqual([0, 4])
    take(reader, [batch(0, 1)], 1)
    expect([reader.position, reader.fetchSizeFactor]).toEqual([1, 1])
  })

  it('is an error if no batch arrives, whatever the fetch size', () => {
    const reader = readerOf()
    const ask = () => {
      for (let tries = 0; tries < 100; tries++) take(reader, [piece], 1)
    }
    expect(ask).toThrow(expect.objectContaining({ code: 'RECORDS_CORRUPT', topic: 'orders', partition: 3, offset: 0 }))
    expect(reader.fetchSizeFactor).toBe(MOST_GROWTH)
  })
})

describe('aborted transactions', () => {
  it('are skipped, whichever of two in one partition ends first', async () => {
    const reader = readerOf()
    take(
      reader,
      [
        batch(0, 2, of(1n)),
        batch(2, 1, of(2n)),
        batch(3, 1, of(1n)),
        end(4, 2n, 'abort'),
        batch(5, 1, of(1n)),
        end(6, 1n, 'abort'),
        batch(7, 1),
      ],
      8,
      [
        { producerId: 2n, firstOffset: 2 },
        { producerId: 1n, firstOffset: 0 },
      ],
    )
    expect(await drain(reader)).toEqual({ offsets: [7], next: 8 })
  })

  it('do not hide what the same producer commits before or after', async () => {
    const reader = readerOf()
    take(
      reader,
      [
        batch(0, 1, of(1n)),
        end(1, 1n, 'commit'),
        batch(2, 1, of(1n)),
        end(3, 1n, 'abort'),
        batch(4, 1, of(1n)),
        end(5, 1n, 'commit'),
        batch(6, 1, of(1n)),
        end(7, 1n, 'abort'),
      ],
      8,
      [
        { producerId: 1n, firstOffset: 2 },
        { producerId: 1n, firstOffset: 6 },
      ],
    )
    expect(await drain(reader)).toEqual({ offsets: [0, 4], next: 8 })
  })

  it('do not hide what the same producer writes outside of transactions', async () => {
    const reader = readerOf()
    take(reader, [batch(0, 1, of(1n)), batch(1, 1, { producerId: 1n })], 2, [{ producerId: 1n, firstOffset: 0 }])
    expect((await drain(reader)).offsets).toEqual([1])
  })

  it('are skipped in every response that contains a part of them', async () => {
    const reader = readerOf()
    const aborted = [{ producerId: 1n, firstOffset: 0 }]
    take(reader, [batch(0, 1, of(1n))], 9, aborted)
    take(reader, [batch(1, 1, of(1n)), batch(2, 1)], 9, aborted)
    take(reader, [batch(3, 1, of(1n)), end(4, 1n, 'abort'), batch(5, 1, of(1n))], 9, aborted)
    expect((await drain(reader)).offsets).toEqual([2, 5])
  })

  it('have ended when a later response does not list them, also if compaction has removed their marker', async () => {
    const reader = readerOf()
    take(reader, [batch(0, 1, of(1n))], 9, [{ producerId: 1n, firstOffset: 0 }])
    take(reader, [rawBatch({ ...of(1n), attributes: CONTROL, baseOffset: 1n }), batch(2, 1, of(1n))], 9)
    expect((await drain(reader)).offsets).toEqual([2])
  })
})

describe('an empty batch', () => {
  it('is returned once for each end', async () => {
    const reader = readerOf(5)
    take(reader, [], 5)
    expect(await reader.next(() => {})).toEqual({ records: [], next: 5, end: 5 })
    let isTold = false
    const later = reader
      .next(() => {})
      .then((read) => {
        isTold = true
        return read
      })
    take(reader, [], 5)
    await new Promise((resolve) => setImmediate(resolve))
    expect(isTold).toBe(false)
    take(reader, [], 7)
    expect(await later).toEqual({ records: [], next: 5, end: 7 })
  })

  it('is not returned before the end is known', async () => {
    const reader = readerOf()
    const first = reader.next(() => {})
    take(reader, [batch(0, 1)], 1)
    expect(await first).toMatchObject({ next: 1, end: 1, records: [{ offset: 0 }] })
  })
})

describe('memory', () => {
  it('is full at the limit, and has room again when the reader has taken everything', async () => {
    const reader = readerOf(0, { prefetch: 500 })
    const one = batch(0, 5)
    let taken = 0
    while (reader.hasRoom) take(reader, [batch(5 * taken++, 5)], 1_000)
    expect(reader.bytes).toBe(taken * one.length)
    expect(reader.bytes).toBeLessThan(500 + one.length)
    let rooms = 0
    await reader.next(() => rooms++)
    expect([rooms, reader.hasRoom]).toEqual([1, true])
  })

  it('is not retained by a small part of a large response', async () => {
    const reader = readerOf()
    const small = batch(0, 1)
    const answer = Buffer.concat([Buffer.alloc(MIB), small])
    reader.addFetched({
      records: answer.subarray(MIB),
      abortedTransactions: null,
      lastStableOffset: 1,
      highWatermark: 1,
    })
    const read = await reader.next(() => {})
    expect(read?.records[0]?.key).toEqual(Buffer.from('k'))
    expect(read?.records[0]?.key?.buffer.byteLength).toBeLessThanOrEqual(2 * small.length)
  })

  it('is not copied for most of a response', async () => {
    const reader = readerOf()
    const bytes = Buffer.allocUnsafeSlow(batch(0, 1).length)
    batch(0, 1).copy(bytes)
    reader.addFetched({ records: bytes, abortedTransactions: null, lastStableOffset: 1, highWatermark: 1 })
    expect((await reader.next(() => {}))?.records[0]?.key?.buffer).toBe(bytes.buffer)
  })

  it('holds one decompressed batch at a time, if they are large', async () => {
    const reader = readerOf(0, { maxDecompressed: 4 * MIB })
    const packed = (offset: number) =>
      batch(offset, 0, {
        attributes: 1,
        count: 1,
        body: gzipSync(rawRecord({ value: Buffer.alloc(2 * MIB) })),
      })
    take(reader, [packed(0), packed(1), packed(2)], 3)
    for (const offset of [0, 1, 2])
      expect(await reader.next(() => {})).toMatchObject({ next: offset + 1, records: [{ offset }] })
  })

  it('is free after closing', async () => {
    const reader = readerOf()
    take(reader, [batch(0, 1)], 1)
    reader.close()
    expect([reader.bytes, reader.hasRoom]).toEqual([0, false])
    expect(await reader.next(() => {})).toBeUndefined()
  })
})

describe('an error', () => {
  it('follows the records that were fetched before it', async () => {
    const reader = readerOf()
    take(reader, [batch(0, 1)], 1)
    reader.fail(new Error('the end'))
    expect(reader.hasRoom).toBe(false)
    expect((await reader.next(() => {}))?.records).toHaveLength(1)
    await expect(reader.next(() => {})).rejects.toThrow('the end')
  })

  it('wakes a reader that waits', async () => {
    const reader = readerOf()
    const next = reader.next(() => {})
    reader.fail(new Error('the end'))
    await expect(next).rejects.toThrow('the end')
  })

  it('names topic, partition and offset if a batch cannot be read', async () => {
    const reader = readerOf()
    take(reader, [batch(7, 1, { attributes: 4 })], 8)
    await expect(reader.next(() => {})).rejects.toMatchObject({
      code: 'CODEC_UNSUPPORTED',
      topic: 'orders',
      partition: 3,
      offset: 7,
      message: expect.stringContaining('zstd'),
    })
  })
})
