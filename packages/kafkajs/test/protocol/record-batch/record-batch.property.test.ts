import { isJoineryError, type LogRecord } from '@joinery/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RecordBatchBuilder } from '../../../src/protocol/record-batch/record-batch-builder.js'
import { decodeAll, PLACE } from './decode.js'
import { rawBatch } from './raw-batch.js'

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.integer({ min: 60, max: 70 }).map((length) => new Uint8Array(length).fill(length)),
  fc.integer({ min: 8_180, max: 8_200 }).map((length) => new Uint8Array(length).fill(length)),
)
const nullable = fc.option(bytes)
const headers = fc.array(
  fc.tuple(fc.oneof(fc.constantFrom('', 'same', 'sämé', '名'), fc.string({ unit: 'grapheme' })), nullable),
  { maxLength: 70, size: 'small' },
)
const timestamp = fc.oneof(
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
  fc.integer({ min: -1, max: 100 }),
  fc.integer({ min: -(2 ** 51), max: 2 ** 51 }),
)
const record = fc.record({ key: nullable, value: nullable, timestamp, headers })
type AnyRecord = Pick<LogRecord, 'key' | 'value' | 'timestamp' | 'headers'>
const records = fc.array(record, { minLength: 1, maxLength: 150, size: 'small' })
const same = (a: Uint8Array | null, b: Uint8Array | null) =>
  a === null ? b === null : b !== null && Buffer.compare(a, b) === 0

function expectSame(found: readonly LogRecord[], wanted: readonly AnyRecord[]): void {
  expect(found.length).toBe(wanted.length)
  found.forEach((record, i) => {
    const want = wanted[i] as AnyRecord
    expect(record).toMatchObject({ ...PLACE, offset: i, timestamp: want.timestamp })
    expect(same(record.key, want.key)).toBe(true)
    expect(same(record.value, want.value)).toBe(true)
    expect(record.headers.map(([name]) => name)).toEqual(want.headers.map(([name]) => name))
    expect(record.headers.every(([, content], j) => same(content, want.headers[j]?.[1] ?? null))).toBe(true)
  })
}

describe('a batch that was built', () => {
  it('is read back unchanged, compressed or not', () => {
    fc.assert(
      fc.property(
        records,
        fc.constantFrom('none' as const, 'gzip' as const),
        fc.boolean(),
        (wanted, codec, isTransactional) => {
          const builder = new RecordBatchBuilder(Buffer.alloc(64))
          for (const { key, value, timestamp, headers } of wanted) builder.add(key, value, timestamp, headers)
          const { size } = builder
          const sealed = builder.close(
            { producerId: 2n ** 62n + 1n, epoch: 3, baseSequence: 9, isTransactional },
            codec,
          )
          expect(sealed.length).toBeLessThanOrEqual(size)
          expectSame(decodeAll(sealed, 2 ** 30), wanted)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('a batch that was appended to another', () => {
  const producer = { producerId: 2n ** 62n + 1n, epoch: 3, baseSequence: 9, isTransactional: true }
  const former = { producerId: 5n, epoch: 0, baseSequence: 2_000_000_000, isTransactional: true }
  const anyRecords = fc.array(record, { maxLength: 100, size: 'small' })
  const filled = (all: readonly AnyRecord[], bytes = 64) => {
    const builder = new RecordBatchBuilder(Buffer.alloc(bytes))
    for (const { key, value, timestamp, headers } of all) builder.add(key, value, timestamp, headers)
    return builder
  }

  it('has the effect of adding its records one by one, before and after both are closed', () => {
    fc.assert(
      fc.property(
        fc.array(anyRecords, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('none' as const, 'gzip' as const),
        fc.boolean(),
        (lists, codec, isClosedBefore) => {
          const parts = lists.map((list) => filled(list))
          if (isClosedBefore) for (const part of parts) if (part.count > 0) part.close(former, codec)
          const before = parts.map(({ buffer, size }) => buffer.subarray(0, size).toString('hex'))
          const merged = new RecordBatchBuilder(Buffer.alloc(64))
          for (const part of parts) merged.append(part)
          expect(parts.map(({ buffer, size }) => buffer.subarray(0, size).toString('hex'))).toEqual(before)
          const wanted = lists.flat()
          expect(merged.count).toBe(wanted.length)
          if (wanted.length === 0) return
          const sealed = merged.close(producer)
          expectSame(decodeAll(sealed, 2 ** 30), wanted)
          // as it was built record by record: no byte more, the highest timestamp, the sequence
          expect(sealed.equals(filled(wanted).close(producer))).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('can be followed by other records, added and appended', () => {
    fc.assert(
      fc.property(anyRecords, anyRecords, anyRecords, anyRecords, (first, second, third, fourth) => {
        const builder = filled(first)
        builder.append(filled(second))
        for (const { key, value, timestamp, headers } of third) builder.add(key, value, timestamp, headers)
        builder.append(filled(fourth))
        const wanted = [first, second, third, fourth].flat()
        if (wanted.length === 0) return
        const sealed = builder.close(producer)
        expectSame(decodeAll(sealed, 2 ** 30), wanted)
        expect(sealed.equals(filled(wanted).close(producer))).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('can be closed again, for another producer', () => {
    fc.assert(
      fc.property(records, fc.constantFrom('none' as const, 'gzip' as const), (wanted, codec) => {
        const builder = filled(wanted)
        builder.close(former, codec)
        expect(builder.close(producer, codec).equals(filled(wanted).close(producer, codec))).toBe(true)
      }),
      { numRuns: 100 },
    )
  })
})

describe('arbitrary bytes', () => {
  it('are records or a coded error, whatever a batch with a valid checksum contains', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.integer({ min: -2, max: 20 }),
        fc.constantFrom(0, 1, 2, 7, 8, 16, 32, 48),
        (body, count, attributes) => isReadOrRefused(rawBatch({ body, count, attributes, lastOffsetDelta: 20 })),
      ),
      { numRuns: 2_000 },
    )
  })

  it('are batches, an incomplete one or a coded error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => isReadOrRefused(Buffer.from(noise))),
      { numRuns: 2_000 },
    )
  })

  function isReadOrRefused(fetched: Buffer): void {
    try {
      for (const { offset, timestamp } of decodeAll(fetched)) {
        expect(Number.isSafeInteger(offset)).toBe(true)
        expect(Number.isSafeInteger(timestamp)).toBe(true)
      }
    } catch (error) {
      if (!isJoineryError(error)) throw error
      expect(['RECORDS_CORRUPT', 'CODEC_UNSUPPORTED']).toContain(error.code)
    }
  }
})
