import { gzipSync } from 'node:zlib'
import { isJoineryError, type LogRecord } from '@joinery/core'
import { describe, expect, it } from 'vitest'
import { batchHeaders, decodeBatch, isAbortMarker } from '../../../src/protocol/record-batch/record-batch-decoder.js'
import { decodeAll, PLACE } from './decode.js'
import { GOLDEN } from './golden-batch.js'
import { marker, rawBatch, rawRecord } from './raw-batch.js'

const MAX_INT32 = 2 ** 31 - 1
const corrupt = (offset: number) => expect.objectContaining({ code: 'RECORDS_CORRUPT', ...PLACE, offset })
const headersOf = (bytes: Buffer) => batchHeaders(bytes, 0, bytes.length, PLACE)

describe('reading a batch', () => {
  it('reads every field of one that was written by hand', () => {
    expect(decodeAll(GOLDEN.bytes)).toEqual([
      {
        ...PLACE,
        offset: 0,
        key: Buffer.from('k'),
        value: Buffer.from('v1'),
        timestamp: 1_700_000_000_000,
        headers: [['a', Buffer.from('x')]],
      },
      { ...PLACE, offset: 1, key: null, value: null, timestamp: 1_700_000_000_001, headers: [] },
    ])
  })

  it('uses the broker’s time if the topic has LogAppendTime', () => {
    const records = [rawRecord({ timestampDelta: 3n })]
    const bytes = rawBatch({ records, attributes: 0b1000, baseTimestamp: 10n, maxTimestamp: 99n })
    expect(decodeAll(bytes)[0]?.timestamp).toBe(99)
  })

  it('keeps the gaps of compaction, and ends after the last offset that the batch ever had', () => {
    const records = [rawRecord({ offsetDelta: 2 }), rawRecord({ offsetDelta: 7 })]
    const bytes = rawBatch({ records, baseOffset: 100n, lastOffsetDelta: 9 })
    expect(decodeAll(bytes).map(({ offset }) => offset)).toEqual([102, 107])
    expect(headersOf(bytes)[0]?.next).toBe(110)
  })

  it('skips a batch without records', () => {
    const [header] = headersOf(rawBatch({ baseOffset: 5n, lastOffsetDelta: 4 }))
    expect(header).toMatchObject({ baseOffset: 5, next: 10, count: 0 })
  })

  it('leaves out records before the wanted offset', () => {
    const bytes = rawBatch({ records: [0, 1, 2].map((offsetDelta) => rawRecord({ offsetDelta })), baseOffset: 10n })
    const into: LogRecord[] = []
    decodeBatch(bytes, headersOf(bytes)[0] as never, 11, into, { ...PLACE, maxDecompressedBytes: 0 })
    expect(into.map(({ offset }) => offset)).toEqual([11, 12])
  })

  it('limits a timestamp that is not a safe integer to the largest one', () => {
    const at = (baseTimestamp: bigint, timestampDelta: bigint) =>
      decodeAll(rawBatch({ records: [rawRecord({ timestampDelta })], baseTimestamp }))[0]?.timestamp
    expect(at(2n ** 63n - 1n, 0n)).toBe(Number.MAX_SAFE_INTEGER)
    expect(at(0n, 2n ** 63n - 1n)).toBe(Number.MAX_SAFE_INTEGER)
    expect(at(0n, -(2n ** 63n))).toBe(Number.MIN_SAFE_INTEGER)
    expect(at(0n, 2n ** 53n - 1n)).toBe(2 ** 53 - 1)
    expect(at(0n, -(2n ** 53n) + 1n)).toBe(-(2 ** 53) + 1)
  })
})

describe('a truncated batch', () => {
  const whole = rawBatch({
    baseOffset: 40n,
    records: [rawRecord({ key: Buffer.from('key'), value: Buffer.from('value'), headers: [['h', Buffer.from('1')]] })],
  })

  it.each(Array.from({ length: whole.length }, (_, length) => length))(
    'is left for the next fetch when %i bytes of it have arrived',
    (length) => {
      expect(headersOf(whole.subarray(0, length))).toEqual([])
      const [first, ...rest] = headersOf(Buffer.concat([whole, whole.subarray(0, length)]))
      expect(first).toMatchObject({ baseOffset: 40, next: 41, from: 0, to: whole.length })
      expect(rest).toEqual([])
    },
  )

  it('is corrupt when its records end early, wherever', () => {
    for (let length = 61; length < whole.length; length++) {
      const short = rawBatch({ baseOffset: 40n, count: 1, body: whole.subarray(61, length) })
      expect(() => decodeAll(short), `${length} bytes`).toThrow(corrupt(40))
    }
  })

  it('is corrupt when its compressed records end early, wherever', () => {
    const packed = gzipSync(whole.subarray(61))
    for (let length = 0; length < packed.length; length++) {
      const short = rawBatch({ baseOffset: 40n, count: 1, attributes: 1, body: packed.subarray(0, length) })
      expect(() => decodeAll(short), `${length} bytes`).toThrow(corrupt(40))
    }
  })

  it('never reads beyond its range of the response', () => {
    const behind = Buffer.concat([whole, whole])
    expect(batchHeaders(behind, 0, whole.length, PLACE)).toHaveLength(1)
    expect(batchHeaders(behind, whole.length, behind.length - 1, PLACE)).toEqual([])
  })
})

describe('a damaged batch', () => {
  it('is detected by its checksum, whichever bit after the checksum is wrong', () => {
    const good = rawBatch({ baseOffset: 8n, records: [rawRecord({ key: Buffer.from('k'), value: Buffer.from('v') })] })
    for (let bit = 17 * 8; bit < good.length * 8; bit++) {
      const bad = Buffer.from(good)
      bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(() => headersOf(bad), `bit ${bit}`).toThrow(corrupt(8))
    }
  })

  it('is detected before it is taken for a marker and skipped', () => {
    const bytes = rawBatch({ records: [rawRecord({})] })
    bytes.writeInt16BE(0b11_0000, 21)
    expect(() => headersOf(bytes)).toThrow(corrupt(0))
  })

  it.each([0, 1, 48, -1, -(2 ** 31)])('is detected if its length is %i bytes', (length) => {
    const bytes = rawBatch({ baseOffset: 3n, records: [rawRecord({})] })
    bytes.writeInt32BE(length, 8)
    expect(() => headersOf(bytes)).toThrow(corrupt(3))
  })
})

describe('an inconsistent batch', () => {
  const lies = (batch: Parameters<typeof rawBatch>[0], what: RegExp) => {
    let caught: unknown
    const before = process.memoryUsage().arrayBuffers
    try {
      decodeAll(rawBatch({ baseOffset: 70n, ...batch }))
    } catch (error) {
      caught = error
    }
    expect(isJoineryError(caught, 'RECORDS_CORRUPT')).toBe(true)
    expect(caught).toMatchObject({ ...PLACE, offset: 70, message: expect.stringMatching(what) })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20)
  }
  const one = (record: Parameters<typeof rawRecord>[0]) => ({ records: [rawRecord(record)] })

  it.each([MAX_INT32, 2])('about its records (%i) is corrupt', (count) => {
    lies({ ...one({}), count }, /ends before its records do/)
  })
  it('with a negative number of records is corrupt, not empty', () =>
    lies({ ...one({}), count: -1 }, /record count -1/))
  it('with fewer records than it contains is corrupt: none is lost silently', () =>
    lies({ records: [rawRecord({}), rawRecord({ offsetDelta: 1 })], count: 1 }, /continues after its last record/))
  it.each([2n ** 31n - 1n, 2n ** 40n, 2n ** 62n, 1_000n])('about a key of %i bytes is corrupt', (keyLength) =>
    lies(one({ key: Buffer.from('k'), keyLength }), /longer than its batch/),
  )
  it.each([-2n, -(2n ** 31n), -(2n ** 62n)])('about a key of %i bytes is corrupt', (keyLength) =>
    lies(one({ keyLength }), /length of -/),
  )
  it.each([2n ** 31n - 1n, 100n, -1n, -(2n ** 62n), 2n ** 62n])('about %i headers is corrupt', (headerCount) =>
    lies(one({ headerCount }), /header count/),
  )
  it.each([-1n, -5n])('about a header name of %i bytes is corrupt', (headerNameLength) =>
    lies(one({ headers: [['', null]], headerNameLength }), /header|length of -/),
  )
  it.each([0n, 5n, 7n, -1n, 2n ** 40n])('about a record of %i bytes is corrupt', (length) =>
    lies(one({ length }), /does not have its stated length/),
  )
  it('with a varint that never ends is corrupt', () =>
    lies({ body: Buffer.alloc(40, 0xff), count: 1 }, /number in a record/))
  it.each([-1, 1, MAX_INT32])('with a record %i after its base offset is corrupt', (offsetDelta) =>
    lies(one({ offsetDelta }), /offset/),
  )
  it('with records in the wrong order is corrupt', () =>
    lies({ records: [rawRecord({ offsetDelta: 1 }), rawRecord({ offsetDelta: 0 })] }, /offset/))
  it('with an offset twice is corrupt', () =>
    lies({ records: [rawRecord({}), rawRecord({})], lastOffsetDelta: 1 }, /offset/))
  it.each([-1, -(2 ** 31)])('with a last offset %i after its first is corrupt', (lastOffsetDelta) =>
    lies({ ...one({}), lastOffsetDelta }, /invalid offsets/),
  )

  it.each([2n ** 53n - 1n, 2n ** 53n, 2n ** 62n, -1n])('about a base offset of %i is corrupt', (baseOffset) => {
    expect(() => headersOf(rawBatch({ baseOffset, records: [rawRecord({})] }))).toThrow(/invalid offsets/)
  })

  it('reads up to the largest safe integer as offset', () => {
    expect(decodeAll(rawBatch({ baseOffset: 2n ** 53n - 2n, records: [rawRecord({})] }))[0]?.offset).toBe(2 ** 53 - 2)
  })
})

describe('older formats', () => {
  it.each([0, 1])('are rejected by number, even if a message set of format %i is shorter than a batch', (magic) => {
    // offset, size, crc, magic, attributes, (timestamp,) key, value
    const message = Buffer.alloc(magic === 0 ? 26 : 34)
    message.writeInt32BE(message.length - 12, 8)
    message.writeInt8(magic, 16)
    expect(() => headersOf(message)).toThrow(
      expect.objectContaining({ code: 'RECORDS_CORRUPT', message: expect.stringContaining(`format ${magic}`) }),
    )
  })
})

describe('compression', () => {
  const records = [rawRecord({ value: Buffer.alloc(5_000, 'a') })]

  it('reads gzip', () => {
    const bytes = rawBatch({ attributes: 1, count: 1, body: gzipSync(Buffer.concat(records)) })
    expect(decodeAll(bytes)[0]?.value).toEqual(Buffer.alloc(5_000, 'a'))
  })

  it('does not decompress more than it may', () => {
    const bomb = gzipSync(Buffer.alloc(50 * 2 ** 20))
    const bytes = rawBatch({ baseOffset: 6n, attributes: 1, count: 1, body: bomb })
    expect(bytes.length).toBeLessThan(60_000)
    expect(() => decodeAll(bytes, 2 ** 20)).toThrow(corrupt(6))
    expect(() => decodeAll(bytes, 2 ** 20)).toThrow(/at most 1048576 bytes/)
  })

  it('rejects a batch whose gzip data are invalid', () => {
    expect(() => decodeAll(rawBatch({ attributes: 1, count: 1, body: Buffer.from('not gzip at all') }))).toThrow(
      corrupt(0),
    )
  })

  it.each([
    [2, 'snappy'],
    [3, 'lz4'],
    [4, 'zstd'],
    [5, 'codec 5'],
  ])('names codec %i, which it cannot read', (codec, name) => {
    expect(() => decodeAll(rawBatch({ baseOffset: 9n, attributes: codec, records }))).toThrow(
      expect.objectContaining({
        code: 'CODEC_UNSUPPORTED',
        message: expect.stringContaining(name),
        ...PLACE,
        offset: 9,
      }),
    )
  })
})

describe('transaction markers', () => {
  const isAbort = (batch: Parameters<typeof rawBatch>[0]) => {
    const bytes = rawBatch({ attributes: 0b11_0000, producerId: 5n, ...batch })
    return isAbortMarker(bytes, headersOf(bytes)[0] as never, PLACE)
  }

  it('distinguish abort from commit', () => {
    expect(isAbort({ records: [marker('abort')] })).toBe(true)
    expect(isAbort({ records: [marker('commit')] })).toBe(false)
  })

  it('may be emptied by compaction', () => {
    expect(isAbort({ records: [] })).toBe(false)
  })

  it('are corrupt when they end early', () => {
    expect(() => isAbort({ count: 1, body: marker('abort').subarray(0, 6) })).toThrow(corrupt(0))
  })
})
