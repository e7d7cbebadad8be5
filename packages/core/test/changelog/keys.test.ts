import { describe, expect, it } from 'vitest'
import {
  callKey,
  checkValueVersion,
  OWNER_KEY,
  POSITION_KEY,
  parseChangelogKey,
  rowBytes,
  rowKey,
  rowValue,
  waiterKey,
} from '../../src/changelog/keys.js'
import { ownerRecord } from '../../src/log.js'

const hex = (digits: string) => new Uint8Array(Buffer.from(digits.replaceAll(' ', ''), 'hex'))
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const invalid = expect.objectContaining({ name: 'JoineryError', code: 'CHANGELOG_INVALID' })

/** Keys that earlier versions stored: u8 format 1, u8 kind, then a string (u16 length, UTF-8) and the other fields of the kind. */
const STORED = {
  owner: '01 00',
  position: '01 01',
  waiter: '01 02 0003 c3a978 0000000000000102', // pipeline 'éx', offset 258
  lastWaiter: '01 02 0001 70 001fffffffffffff', // pipeline 'p', offset 2^53 - 1
  row: '01 03 0005 7461626c65 00ff6b', // table 'table', key 00 ff 6b
  emptyRow: '01 03 0001 74',
  call: '01 04 0001 70 612fc3a92f302f37', // pipeline 'p', id 'a/é/0/7'
}

describe('changelog keys', () => {
  it('are written byte for byte as stored', () => {
    expect(OWNER_KEY).toEqual(Buffer.from(hex(STORED.owner)))
    expect(POSITION_KEY).toEqual(Buffer.from(hex(STORED.position)))
    expect(toHex(waiterKey('éx', 258))).toBe(toHex(hex(STORED.waiter)))
    expect(toHex(waiterKey('p', Number.MAX_SAFE_INTEGER))).toBe(toHex(hex(STORED.lastWaiter)))
    expect(toHex(rowKey('table', hex('00ff6b')))).toBe(toHex(hex(STORED.row)))
    expect(toHex(rowKey('t', hex('')))).toBe(toHex(hex(STORED.emptyRow)))
    expect(toHex(callKey('p', 'a/é/0/7'))).toBe(toHex(hex(STORED.call)))
  })

  it('are read back from stored bytes', () => {
    expect(parseChangelogKey(hex(STORED.owner))).toEqual({ kind: 'owner' })
    expect(parseChangelogKey(hex(STORED.position))).toEqual({ kind: 'position' })
    expect(parseChangelogKey(hex(STORED.waiter))).toEqual({ kind: 'waiter', pipeline: 'éx', offset: 258 })
    expect(parseChangelogKey(hex(STORED.lastWaiter))).toEqual({
      kind: 'waiter',
      pipeline: 'p',
      offset: Number.MAX_SAFE_INTEGER,
    })
    expect(parseChangelogKey(hex(STORED.row))).toEqual({
      kind: 'row',
      table: 'table',
      key: Buffer.from('00ff6b', 'hex'),
    })
    expect(parseChangelogKey(hex(STORED.emptyRow))).toMatchObject({ kind: 'row', table: 't', key: Buffer.alloc(0) })
    expect(parseChangelogKey(hex(STORED.call))).toEqual({ kind: 'call', pipeline: 'p', id: 'a/é/0/7' })
  })

  it.each([
    ['nothing', ''],
    ['a format alone', '01'],
    ['an older format', '00 00'],
    ['a newer format', '02 01'],
    ['a newer kind', '01 05'],
    ['an owner that is longer', '01 00 00'],
    ['a position that is longer', '01 01 00'],
    ['a waiter without its offset', '01 02 0001 70'],
    ['a waiter with a short offset', '01 02 0001 70 00000000000001'],
    ['a waiter with a long offset', '01 02 0001 70 000000000000000001'],
    ['a waiter whose offset is no safe integer', '01 02 0001 70 0020000000000000'],
    ['a row with a truncated name', '01 03 0005 7461'],
    ['a row without a name', '01 03 00'],
    ['a call with a truncated pipeline', '01 04 0005 7461'],
  ])('halt when they are %s', (_, digits) => {
    expect(() => parseChangelogKey(hex(digits))).toThrow(invalid)
  })
})

describe('changelog values', () => {
  it('of owners are version 2, a session of 16 bytes and a transactional id', () => {
    const session = hex('000102030405060708090a0b0c0d0e0f')
    const { key, value } = ownerRecord({ session, transactionalId: 'svc-1' })
    expect([toHex(key), toHex(value)]).toEqual(['0100', '02000102030405060708090a0b0c0d0e0f7376632d31'])
  })

  it('of rows are a version and the bytes of the table record', () => {
    expect(toHex(rowValue(hex('7b7d')))).toBe('017b7d')
    expect(toHex(rowValue(hex('')))).toBe('01')
    expect(toHex(rowBytes(hex('017b7d')))).toBe('7b7d')
    expect(toHex(rowBytes(hex('01')))).toBe('')
    expect(() => rowBytes(hex('027b7d'))).toThrow(invalid)
    expect(() => rowBytes(hex(''))).toThrow(invalid)
  })

  it.each(['', '00', '02', 'ff01'])('halt on an unknown version: %j', (digits) => {
    expect(() => checkValueVersion(hex(digits), 'WAITER')).toThrow(invalid)
  })
})
