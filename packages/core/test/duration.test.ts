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
  ])('%j is none', (text) => {
    expect(() => durationMs(text, 'wait.atMost')).toThrow(invalid)
    expect(() => durationMs(text, 'wait.atMost')).toThrow(/wait\.atMost/)
    expect(() => duration(text)).toThrow(invalid)
  })

  it.each([[30], [null], [undefined], [{}], [['1s']], [10n]])('%s is none', (value) => {
    expect(() => durationMs(value as unknown as string)).toThrow(invalid)
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

  it.each(['', '64', '64MB', '64mib', '64 MiB', '-1KiB', '1B', '1TiB', 'KiB'])('%j is none', (text) => {
    expect(() => sizeBytes(text, 'wait.maxBytes')).toThrow(invalid)
    expect(() => sizeBytes(text, 'wait.maxBytes')).toThrow(/wait\.maxBytes/)
  })
})
