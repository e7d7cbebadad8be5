import { describe, expect, it } from 'vitest'
import { ResponseReader } from '../../../src/protocol/codec/response-reader.js'

const reader = (hex: string) => new ResponseReader(Buffer.from(hex, 'hex'))
const corrupt = expect.objectContaining({ code: 'RECORDS_CORRUPT' })

describe('ResponseReader', () => {
  it.each<[string, string, (reader: ResponseReader) => unknown, unknown]>([
    ['int8', 'fe', (reader) => reader.int8(), -2],
    ['int16', 'fffe', (reader) => reader.int16(), -2],
    ['int32', '80000000', (reader) => reader.int32(), -(2 ** 31)],
    ['int64', '001fffffffffffff', (reader) => reader.int64(), 2 ** 53 - 1],
    ['a negative int64', 'ffffffffffffffff', (reader) => reader.int64(), -1],
    ['the lowest int64 that is a safe integer', 'ffe0000000000001', (reader) => reader.int64(), -(2 ** 53) + 1],
    ['a string', '000368c3a9', (reader) => reader.string(), 'hé'],
    ['no string', 'ffff', (reader) => reader.string(), null],
    ['a compact string', '0468c3a9', (reader) => reader.compactString(), 'hé'],
    ['an empty compact string', '01', (reader) => reader.compactString(), ''],
    ['no compact string', '00', (reader) => reader.compactString(), null],
    ['a varint of one byte', '7f', (reader) => reader.uvarint(), 127],
    ['a varint of two bytes', '8001', (reader) => reader.uvarint(), 128],
    ['the largest varint', 'ffffffff0f', (reader) => reader.uvarint(), 2 ** 32 - 1],
    ['a uuid', '000102030405060708090a0b0c0d0e0f', (reader) => reader.uuid(), '000102030405060708090a0b0c0d0e0f'],
    ['an array', '000000020708', (reader) => reader.array(() => reader.int8()), [7, 8]],
    ['no array', 'ffffffff', (reader) => reader.array(() => reader.int8()), null],
    ['a compact array', '030708', (reader) => reader.compactArray(() => reader.int8()), [7, 8]],
    ['no compact array', '00', (reader) => reader.compactArray(() => reader.int8()), null],
    ['the largest int64', '7fffffffffffffff', (reader) => reader.bigint64(), 2n ** 63n - 1n],
    ['bytes', '00000002aabb', (reader) => reader.bytes32(), Buffer.from('aabb', 'hex')],
    ['no bytes', 'ffffffff', (reader) => reader.bytes32(), null],
    ['compact bytes', '03aabb', (reader) => reader.compactBytes(), Buffer.from('aabb', 'hex')],
    ['no compact bytes', '00', (reader) => reader.compactBytes(), null],
  ])('reads %s to its last byte, and rejects it if any byte is missing', (_, hex, read, expected) => {
    const whole = reader(hex)
    expect(read(whole)).toEqual(expected)
    expect(whole.at).toBe(hex.length / 2)
    for (let length = 0; length < hex.length / 2; length++)
      expect(() => read(reader(hex.slice(0, length * 2))), `${length} bytes`).toThrow(corrupt)
  })

  it('skips unknown tagged fields', () => {
    const tagged = reader('02' + '0002aabb' + '0501cc' + '7f')
    tagged.tags()
    expect(tagged.int8()).toBe(0x7f)
    expect(() => reader('020002aabb').tags()).toThrow(corrupt)
  })

  it.each([
    ['an int64 that is not a safe integer', '0020000000000000', (reader: ResponseReader) => reader.int64()],
    ['a low int64 that is not a safe integer', '8000000000000000', (reader: ResponseReader) => reader.int64()],
    ['a varint without end', 'ffffffffffff', (reader: ResponseReader) => reader.uvarint()],
    ['a huge array', '7fffffff', (reader: ResponseReader) => reader.array(() => reader.int8())],
    ['a huge compact array', 'ffffffff0f', (reader: ResponseReader) => reader.compactArray(() => reader.int8())],
    ['a huge string', '7fff61', (reader: ResponseReader) => reader.string()],
    ['a huge compact string', 'ffffffff0f61', (reader: ResponseReader) => reader.compactString()],
    ['huge bytes', '7fffffff00', (reader: ResponseReader) => reader.bytes32()],
    ['a huge count of tagged fields', 'ffffffff0f', (reader: ResponseReader) => reader.tags()],
    ['a huge tagged field', '0100ffffffff0f', (reader: ResponseReader) => reader.tags()],
    ['a step back', '0000', (reader: ResponseReader) => reader.skip(-1)],
  ])('refuses %s', (_, hex, read) => {
    expect(() => read(reader(hex))).toThrow(corrupt)
  })
})
