import { describe, expect, it } from 'vitest'
import { MAX_ROWS, MAX_WRITE_BYTES, RequestSize, sizeText } from '../src/request-size.js'

const TIMEOUT = 1_000
const [QUICK, SLOW] = [TIMEOUT / 4, TIMEOUT / 4 + 1]
const LARGE = 2 ** 40

describe('the rows of a request', () => {
  it('are all, if the whole store fits into one reply', () => {
    const size = new RequestSize(TIMEOUT)
    expect(size.rows(1_000, 1_000)).toBe(MAX_ROWS)
    expect(size.rows(1_000, 1_001)).toBe(32)
  })

  it('are as many as fit, by what replies have contained', () => {
    const size = new RequestSize(TIMEOUT)
    size.read(4, 4, 400, SLOW)
    expect(size.rows(1_050, LARGE)).toBe(10)
    expect(size.rows(99, LARGE)).toBe(1)
    expect(size.rows(2 ** 30, LARGE)).toBe(MAX_ROWS)
  })

  it('follow larger rows immediately, and smaller rows slowly', () => {
    const size = new RequestSize(TIMEOUT)
    size.read(1, 1, 100, SLOW)
    size.read(9, 2, 2_000, SLOW)
    expect(size.rows(10_000, LARGE)).toBe(10)
    size.read(1, 1, 200, SLOW) // 1000 - 800 / 4
    expect(size.rows(8_000, LARGE)).toBe(10)
  })

  it('do not depend on replies without rows', () => {
    const size = new RequestSize(TIMEOUT)
    size.read(5, 0, 0, SLOW)
    expect(size.rows(1_000, LARGE)).toBe(32)
    size.read(1, 1, 100, SLOW)
    size.read(5, 0, 0, SLOW)
    expect(size.rows(1_000, LARGE)).toBe(10)
  })

  it('are a quarter after a timeout, at least one, and never more than after an earlier timeout', () => {
    const size = new RequestSize(TIMEOUT)
    size.readTimedOut(120)
    expect(size.rows(LARGE, 1)).toBe(30)
    size.readTimedOut(1_000)
    expect(size.rows(LARGE, 1)).toBe(30)
    size.readTimedOut(30)
    expect(size.rows(LARGE, 1)).toBe(7)
    size.readTimedOut(1)
    expect(size.rows(LARGE, 1)).toBe(1)
  })

  it('grow again after quick replies, up to the most', () => {
    const size = new RequestSize(TIMEOUT)
    size.readTimedOut(1)
    size.read(1, 1, 1, SLOW)
    expect(size.rows(LARGE, 1)).toBe(1)
    for (const rows of [2, 4, 8, 16, 32, 64, 128, 256, 512, MAX_ROWS, MAX_ROWS]) {
      size.read(size.rows(LARGE, 1), 1, 1, QUICK)
      expect(size.rows(LARGE, 1)).toBe(rows)
    }
  })

  it('do not grow after smaller requests, which are quick on every link', () => {
    const size = new RequestSize(TIMEOUT)
    size.readTimedOut(40)
    size.read(9, 9, 9, QUICK)
    expect(size.rows(LARGE, 1)).toBe(10)
    size.read(10, 0, 0, QUICK)
    expect(size.rows(LARGE, 1)).toBe(20)
    size.read(30, 0, 0, QUICK) // sent before the timeout
    expect(size.rows(LARGE, 1)).toBe(40)
  })

  it('are named with their bytes, once these are known', () => {
    const size = new RequestSize(TIMEOUT)
    expect(size.readText(120)).toBe('a read of 120 rows')
    size.read(2, 2, 1_400_000, SLOW)
    expect(size.readText(120)).toBe('a read of 120 rows, about 84.0 MB')
    expect(size.readText(1)).toBe('a read of 1 row, about 700 kB')
  })
})

describe('the bytes of a write', () => {
  it('are a quarter after a timeout, and grow again after quick replies', () => {
    const size = new RequestSize(TIMEOUT)
    expect(size.writeBytes).toBe(MAX_WRITE_BYTES)
    size.writeTimedOut(4_000)
    size.writeTimedOut(8_000)
    expect(size.writeBytes).toBe(1_000)
    size.wrote(1_000, SLOW)
    size.wrote(499, QUICK)
    expect(size.writeBytes).toBe(1_000)
    size.wrote(500, QUICK)
    expect(size.writeBytes).toBe(2_000)
    for (let i = 0; i < 12; i++) size.wrote(size.writeBytes, QUICK)
    expect(size.writeBytes).toBe(MAX_WRITE_BYTES)
    size.writeTimedOut(1)
    expect(size.writeBytes).toBe(1)
  })

  it('and of reads do not depend on each other', () => {
    const size = new RequestSize(TIMEOUT)
    size.writeTimedOut(4_000)
    size.readTimedOut(40)
    size.read(size.rows(LARGE, 1), 1, 1, QUICK)
    expect(size.writeBytes).toBe(1_000)
    size.wrote(1_000, QUICK)
    expect(size.rows(LARGE, 1)).toBe(20)
  })
})

describe('bytes as text', () => {
  it.each([
    [0, '0 bytes'],
    [999, '999 bytes'],
    [1_000, '1 kB'],
    [999_499, '999 kB'],
    [1_000_000, '1.0 MB'],
    [84_040_000, '84.0 MB'],
  ])('%i: %s', (bytes, text) => expect(sizeText(bytes)).toBe(text))
})
