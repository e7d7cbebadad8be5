import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { RecordBatchBuilder } from '../../../src/protocol/record-batch/record-batch-builder.js'
import { GOLDEN } from './golden-batch.js'
import { slowCrc32c } from './raw-batch.js'

const producer = { producerId: 1000n, epoch: 7, baseSequence: 42, isTransactional: true }

describe('RecordBatchBuilder', () => {
  it('writes the bytes that the format prescribes', () => {
    const builder = new RecordBatchBuilder()
    builder.add(Buffer.from('k'), Buffer.from('v1'), 1_700_000_000_000, [['a', Buffer.from('x')]])
    builder.add(null, null, 1_700_000_000_001, [])
    expect(builder.size).toBe(GOLDEN.bytes.length)
    expect(builder.close(producer).toString('hex')).toBe(GOLDEN.bytes.toString('hex'))
  })

  it('marks batches outside of transactions as such', () => {
    const builder = new RecordBatchBuilder()
    builder.add(null, null, 0, [])
    expect(builder.close({ ...producer, isTransactional: false }).readInt16BE(21)).toBe(0)
  })

  it('takes the first timestamp as base and the highest as maximum', () => {
    const builder = new RecordBatchBuilder()
    for (const timestamp of [500, 900, 100]) builder.add(null, null, timestamp, [])
    const sealed = builder.close(producer)
    expect(sealed.readBigInt64BE(27)).toBe(500n)
    expect(sealed.readBigInt64BE(35)).toBe(900n)
  })

  it('compresses records, not the header', () => {
    const value = Buffer.alloc(10_000, 'joinery')
    const [plain, packed] = (['none', 'gzip'] as const).map((codec) => {
      const builder = new RecordBatchBuilder()
      builder.add(null, value, 5, [])
      return builder.close(producer, codec)
    }) as [Buffer, Buffer]
    expect(packed.length).toBeLessThan(1_000)
    expect(packed.readInt32BE(8)).toBe(packed.length - 12)
    expect(packed.readInt16BE(21)).toBe(0b1_0001)
    expect(packed.readUInt32BE(17)).toBe(slowCrc32c(packed.subarray(21)))
    expect(gunzipSync(packed.subarray(61)).equals(plain.subarray(61))).toBe(true)
  })

  it('does not compress records that compression would enlarge, because their topic might reject them', () => {
    const builder = new RecordBatchBuilder()
    builder.add(null, Buffer.from('x'), 5, [])
    const { size } = builder
    const sealed = builder.close(producer, 'gzip')
    expect(sealed.length).toBe(size)
    expect(sealed.readInt16BE(21)).toBe(0b1_0000)
  })

  it('keeps its highest timestamp when an empty batch is appended, also before 1970', () => {
    const builder = new RecordBatchBuilder()
    builder.add(null, null, -5, [])
    builder.append(new RecordBatchBuilder())
    expect(builder.close(producer).readBigInt64BE(35)).toBe(-5n)
  })

  it('grows as far as its records need', () => {
    const builder = new RecordBatchBuilder(Buffer.alloc(64))
    for (let i = 0; i < 1_000; i++) builder.add(Buffer.alloc(100, i), Buffer.alloc(1_000, i), i, [])
    expect(builder.count).toBe(1_000)
    expect(builder.close(producer).length).toBe(builder.size)
  })
})
