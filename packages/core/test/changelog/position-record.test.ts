import { describe, expect, it } from 'vitest'
import { decodePosition, encodePosition, type PositionRecord } from '../../src/changelog/position-record.js'
import { newTotals, type Totals } from '../../src/outcome/totals.js'

const invalid = expect.objectContaining({ name: 'JoineryError', code: 'CHANGELOG_INVALID' })

const position: PositionRecord<Totals> = {
  writtenAt: 1_700_000_000_000,
  inputs: { in: { id: 'AAAA', next: 12, leaderEpoch: 3 }, 'table é': { id: 'BBBB', next: 0 } },
  partitions: 4,
  hash: 'abc',
  totals: { p: { ...newTotals(), in: 2, emitted: 1, dropped: { 'no-row': 1 } } },
}

const JSON_TEXT =
  '{"writtenAt":1700000000000,"inputs":{"in":{"id":"AAAA","next":12,"leaderEpoch":3},"table é":{"id":"BBBB","next":0}},"partitions":4,' +
  '"hash":"abc","totals":{"p":{"in":2,"emitted":1,"waiting":0,"dropped":{"no-row":1},"deadLettered":{},"joined":{},' +
  '"unmatched":{},"clamped":0}}}'

describe('the POSITION record', () => {
  it('is a version byte and JSON', () => {
    const bytes = Buffer.from(encodePosition(position))
    expect(bytes[0]).toBe(1)
    expect(JSON.parse(bytes.toString('utf8', 1))).toEqual(JSON.parse(JSON_TEXT))
  })

  it('is read from stored bytes, wherever they lie in a buffer', () => {
    const stored = Buffer.concat([Buffer.from('01', 'hex'), Buffer.from(JSON_TEXT, 'utf8')])
    expect(decodePosition(stored)).toEqual(position)
    const inside = new Uint8Array(Buffer.concat([Buffer.alloc(3), stored, Buffer.alloc(3)]))
    expect(decodePosition(inside.subarray(3, 3 + stored.length))).toEqual(position)
  })

  it.each([
    ['an unknown version', Buffer.concat([Buffer.from('02', 'hex'), Buffer.from(JSON_TEXT)])],
    ['an empty value', Buffer.alloc(0)],
    ['a version alone', Buffer.from('01', 'hex')],
    ['half a record', Buffer.concat([Buffer.from('01', 'hex'), Buffer.from(JSON_TEXT.slice(0, 50))])],
  ])('halts on %s', (_, bytes) => {
    expect(() => decodePosition(bytes)).toThrow(invalid)
  })
})
