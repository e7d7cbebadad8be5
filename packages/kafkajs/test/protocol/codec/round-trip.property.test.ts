import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RequestWriter } from '../../../src/protocol/codec/request-writer.js'
import { ResponseReader } from '../../../src/protocol/codec/response-reader.js'

const field = fc.oneof(
  fc.record({ type: fc.constant('int8' as const), value: fc.integer({ min: -128, max: 127 }) }),
  fc.record({ type: fc.constant('int16' as const), value: fc.integer({ min: -32_768, max: 32_767 }) }),
  fc.record({ type: fc.constant('int32' as const), value: fc.integer() }),
  fc.record({ type: fc.constant('int64' as const), value: fc.maxSafeInteger() }),
  fc.record({ type: fc.constant('uvarint' as const), value: fc.integer({ min: 0, max: 2 ** 31 - 1 }) }),
  fc.record({ type: fc.constant('string' as const), value: fc.option(fc.string({ unit: 'grapheme' })) }),
  fc.record({ type: fc.constant('compactString' as const), value: fc.option(fc.string({ unit: 'grapheme' })) }),
)

describe('written fields', () => {
  it('are read back, and one byte less is rejected', () => {
    fc.assert(
      fc.property(fc.array(field, { minLength: 1, maxLength: 30 }), (fields) => {
        const writer = new RequestWriter(1)
        for (const { type, value } of fields) (writer[type] as (value: unknown) => unknown).call(writer, value)
        const bytes = Buffer.concat(writer.parts())
        const read = (from: Buffer) => {
          const reader = new ResponseReader(from)
          return fields.map(({ type }) => reader[type]())
        }
        expect(read(bytes)).toEqual(fields.map(({ value }) => value))
        expect(() => read(bytes.subarray(0, -1))).toThrow(expect.objectContaining({ code: 'RECORDS_CORRUPT' }))
      }),
      { numRuns: 500 },
    )
  })
})
