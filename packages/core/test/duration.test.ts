import { describe, expect, it } from 'vitest'
import { durationMs, sizeBytes } from '../src/duration.js'
import { duration } from '../src/index.js'

const invalid = expect.objectContaining({ name: 'JoineryError', code: 'OPTION_INVALID' })

describe('a duration', () => {
  it.each([
    ['0ms', 0],
    ['250ms', 250],
    ['1s', 1_000],
    ['30m', 1_800_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['1.5h', 5_400_000],
    ['0.5s', 500],
  ])('%s is %i milliseconds', (text, ms) => {
    expect(durationMs(text)).toBe(ms)
    expect(duration(text)).toBe(text)
  })

  it.each([
    '',
    '30',
    'm',
    '30 m',
    ' 30m',
    '30m ',
    '-1s',
    '+1s',
    '1e3s',
    '.5s',
    '5.s',
    '1,5s',
    '30M',
    '30min',
    '1w',
    '1y',
    '1m30s',
    'Infinityms',
    'NaNs',
    '0x10s',
    '１s',
    '1constructor',
    '1toString',
    `${'9'.repeat(400)}d`,
  ])('%j is not valid', (text) => {
    expect(() => durationMs(text, 'wait.atMost')).toThrow(invalid)
    expect(() => durationMs(text, 'wait.atMost')).toThrow(/wait\.atMost/)
    expect(() => duration(text)).toThrow(invalid)
  })

  it.each([0, 0.5, 30, 86_400_000, Number.MAX_SAFE_INTEGER])('%d is that number of milliseconds', (ms) => {
    expect(durationMs(ms)).toBe(ms)
  })

  it.each([[-1], [Number.NaN], [Number.POSITIVE_INFINITY], [null], [undefined], [{}], [['1s']], [10n], [true]])(
    '%s is not valid',
    (value) => {
      expect(() => durationMs(value as unknown as string)).toThrow(invalid)
    },
  )

  it('has to be a text with a unit if it comes from configuration', () => {
    expect(() => duration(30 as unknown as string)).toThrow(invalid)
  })

  it('has an error message with the option, the value and the valid forms', () => {
    expect(() => durationMs('30', 'wait.atMost')).toThrow(
      `OPTION_INVALID: wait.atMost is "30": use a number of milliseconds, or a number with one of the units ms, s, m, h, d, such as '30s' or '1.5h'`,
    )
    expect(() => durationMs(-1, 'timeout')).toThrow('timeout is -1: use a number of milliseconds')
  })
})

describe('a size', () => {
  it.each([
    ['0KiB', 0],
    ['1KiB', 1_024],
    ['64MiB', 67_108_864],
    ['2GiB', 2_147_483_648],
    ['0.5KiB', 512],
    ['0.0001KiB', 0],
  ])('%s is %i bytes', (text, bytes) => {
    expect(sizeBytes(text)).toBe(bytes)
  })

  it.each(['', '64', '64MB', '64mib', '64 MiB', '-1KiB', '1B', '1TiB', 'KiB'])('%j is not valid', (text) => {
    expect(() => sizeBytes(text, 'wait.maxBytes')).toThrow(invalid)
    expect(() => sizeBytes(text, 'wait.maxBytes')).toThrow(/wait\.maxBytes/)
  })
  it.each([
    [0, 0],
    [1, 1],
    [10_000, 10_000],
    [1.9, 1],
  ])('%d is %i bytes', (size, bytes) => {
    expect(sizeBytes(size)).toBe(bytes)
  })

  it.each([[-1], [Number.NaN], [Number.POSITIVE_INFINITY], [null], [10n]])('%s is not valid', (value) => {
    expect(() => sizeBytes(value as unknown as string, 'mapSize')).toThrow(/mapSize is .*: use a number of bytes/)
  })
})
