import { describe, expect, it } from 'vitest'
import { decodeWaiter, encodeWaiter } from '../../src/changelog/waiter-record.js'
import type { LogRecord } from '../../src/record.js'

const hex = (...parts: string[]) => Buffer.from(parts.join('').replaceAll(' ', ''), 'hex')

const record: LogRecord = {
  topic: 'events',
  partition: 3,
  offset: 9,
  key: Buffer.from('k'),
  value: Buffer.from('value'),
  timestamp: 1,
  headers: [
    ['a', Buffer.from([0xff])],
    ['', null],
  ],
}

/** Version, arrival 2 and timestamp 1 (doubles), key, value, count of headers, then name and value of each. */
const stored = hex(
  '01',
  '4000000000000000',
  '3ff0000000000000',
  '00000001 6b',
  '00000005 76616c7565',
  '00000002',
  '00000001 61 00000001 ff',
  '00000000 ffffffff',
)

const nulls = hex('01', '0000000000000000', '0000000000000000', 'ffffffff', 'ffffffff', '00000000')

describe('the WAITER record', () => {
  it('is stored byte for byte as documented', () => {
    expect(encodeWaiter(record, 2)).toEqual(stored)
    expect(encodeWaiter({ ...record, key: null, value: null, timestamp: 0, headers: [] }, 0)).toEqual(nulls)
  })

  it('is read back from stored bytes, at any place of a buffer', () => {
    expect(decodeWaiter(stored, 'events', 3, 9)).toEqual({ arrival: 2, record })
    const inside = new Uint8Array(Buffer.concat([hex('0909'), stored, hex('09')])).subarray(2, 2 + stored.length)
    expect(decodeWaiter(inside, 'events', 3, 9)).toEqual({ arrival: 2, record })
    expect(decodeWaiter(nulls, 'events', 3, 9).record).toMatchObject({ key: null, value: null, headers: [] })
  })

  it.each([
    ['of another version', hex('02'), stored.subarray(1)],
    ['that is empty', hex(), hex()],
    ['with a length beyond its end', hex('01', '00'.repeat(16)), hex('00000009 6b')],
    ['with more headers than there are', nulls.subarray(0, -4), hex('00000001')],
    ['with a header without a name', nulls.subarray(0, -4), hex('00000001 ffffffff ffffffff')],
    ['with bytes behind its end', stored, hex('00')],
  ])('halts on a record %s', (_, head, rest) => {
    const bytes = Buffer.concat([head, rest])
    expect(() => decodeWaiter(bytes, 'events', 3, 9)).toThrow(expect.objectContaining({ code: 'CHANGELOG_INVALID' }))
  })

  it('halts on a record that is truncated anywhere', () => {
    for (let length = 0; length < stored.length; length++)
      expect(() => decodeWaiter(stored.subarray(0, length), 'events', 3, 9)).toThrow(
        expect.objectContaining({ code: 'CHANGELOG_INVALID' }),
      )
  })
})
