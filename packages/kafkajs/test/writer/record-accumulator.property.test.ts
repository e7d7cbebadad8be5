import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeAll } from '../protocol/record-batch/decode.js'
import { toBatches } from './to-batches.js'

const SMALLEST = 61 + 36
const bytes = fc.option(fc.uint8Array({ maxLength: 60 }))
const header = fc.tuple(fc.string({ unit: 'grapheme', maxLength: 8 }), bytes)
const record = fc.record({
  topic: fc.constantFrom('a', 'b'),
  partition: fc.integer({ min: 0, max: 2 }),
  key: bytes,
  value: bytes,
  timestamp: fc.integer({ min: -(2 ** 50), max: 2 ** 50 }),
  headers: fc.array(header, { maxLength: 4 }),
})

describe('batches of any records', () => {
  it('contain each record once, in order, and are never larger than their topic allows, compressed or not', () => {
    fc.assert(
      fc.property(
        fc.array(record, { maxLength: 60 }),
        fc.integer({ min: SMALLEST, max: 2_000 }),
        fc.constantFrom('none' as const, 'gzip' as const),
        (records, most, codec) => {
          const sizes = new Map([
            ['a', most],
            ['b', 2 * most],
          ])
          const batches = toBatches(records, new Map(), sizes)
          const written = new Map<string, unknown[]>()
          for (const { topic, partition, builder } of batches) {
            const closed = builder.close({ producerId: 1n, epoch: 0, baseSequence: 0, isTransactional: true }, codec)
            if (builder.count > 1) expect(closed.length).toBeLessThanOrEqual(sizes.get(topic) as number)
            const id = `${topic}/${partition}`
            const found = decodeAll(closed).map(({ key, value, timestamp }) => [plain(key), plain(value), timestamp])
            written.set(id, [...(written.get(id) ?? []), ...found])
          }
          const wanted = new Map<string, unknown[]>()
          for (const { topic, partition, key, value, timestamp } of records) {
            const id = `${topic}/${partition}`
            wanted.set(id, [...(wanted.get(id) ?? []), [plain(key), plain(value), timestamp]])
          }
          expect(written).toEqual(wanted)
        },
      ),
      { numRuns: 300 },
    )
  })
})

const plain = (content: Uint8Array | null) => (content === null ? null : Buffer.from(content).toString('hex'))
