import { describe, expect, it } from 'vitest'
import { RequestWriter } from '../../../src/protocol/codec/request-writer.js'

const hex = (write: (writer: RequestWriter) => unknown) => {
  const writer = new RequestWriter()
  write(writer)
  return Buffer.concat(writer.parts()).toString('hex')
}

describe('RequestWriter', () => {
  it.each<[string, (writer: RequestWriter) => unknown, string]>([
    ['int8', (writer) => writer.int8(-2), 'fe'],
    ['int16', (writer) => writer.int16(-2), 'fffe'],
    ['int32', (writer) => writer.int32(0x01020304), '01020304'],
    ['int64', (writer) => writer.int64(2 ** 53 - 1), '001fffffffffffff'],
    ['a negative int64', (writer) => writer.int64(-1), 'ffffffffffffffff'],
    ['a string', (writer) => writer.string('hé'), '000368c3a9'],
    ['an empty string', (writer) => writer.string(''), '0000'],
    ['no string', (writer) => writer.string(null), 'ffff'],
    ['a compact string', (writer) => writer.compactString('hé'), '0468c3a9'],
    ['an empty compact string', (writer) => writer.compactString(''), '01'],
    ['no compact string', (writer) => writer.compactString(null), '00'],
    ['the largest varint of one byte', (writer) => writer.uvarint(127), '7f'],
    ['the smallest varint of two bytes', (writer) => writer.uvarint(128), '8001'],
    ['a varint of three bytes', (writer) => writer.uvarint(16_384), '808001'],
    ['a large varint', (writer) => writer.uvarint(2 ** 31 - 1), 'ffffffff07'],
    ['bytes', (writer) => writer.bytes32(Buffer.from('aabb', 'hex')), '00000002aabb'],
    ['no bytes', (writer) => writer.bytes32(null), 'ffffffff'],
    ['compact bytes', (writer) => writer.compactBytes(Buffer.from('aabb', 'hex')), '03aabb'],
    ['no compact bytes', (writer) => writer.compactBytes(null), '00'],
    ['the largest int64', (writer) => writer.bigint64(2n ** 63n - 1n), '7fffffffffffffff'],
    ['a tagged field', (writer) => writer.taggedField(5, Buffer.from('aa', 'hex')), '0501aa'],
    ['no array', (writer) => writer.array(null, () => {}), 'ffffffff'],
    ['no compact array', (writer) => writer.compactArray(null, () => {}), '00'],
    ['an array', (writer) => writer.array([7, 8], (item) => writer.int8(item)), '000000020708'],
    ['a compact array', (writer) => writer.compactArray([7, 8], (item) => writer.int8(item)), '030708'],
    ['an empty compact array', (writer) => writer.compactArray([], () => {}), '01'],
  ])('writes %s as the protocol specifies', (_, write, expected) => {
    expect(hex(write)).toBe(expected)
  })

  it('grows with the written bytes', () => {
    const text = 'x'.repeat(10_000)
    const writer = new RequestWriter(1).int8(1).string(text).int64(5).compactString(text)
    const written = Buffer.concat(writer.parts())
    expect(written.length).toBe(1 + 2 + 10_000 + 8 + 2 + 10_000)
    expect(written.toString('latin1', 3, 10_003)).toBe(text)
  })

  it('does not copy bytes: they are parts', () => {
    const bytes = Buffer.from('aabb', 'hex')
    const parts = new RequestWriter().int8(1).bytes32(bytes).int8(2).compactBytes(bytes).parts()
    expect([parts[1] === bytes, parts[3] === bytes]).toEqual([true, true])
    expect(Buffer.concat(parts).toString('hex')).toBe('0100000002aabb0203aabb')
  })
})
