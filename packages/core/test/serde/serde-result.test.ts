import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { decoded, encoded, encodedValue } from '../../src/serde/serde-result.js'

describe('what decode returned', () => {
  it.each([[null], [0], ['text'], [JSON.parse('{"then":"a field"}')]])('may be %j', (value) => {
    expect(decoded(value)).toBe(value)
  })

  it.each([
    ['a promise', () => Promise.resolve(1)],
    ['a promise of another realm', () => runInNewContext('Promise.resolve(1)')],
    ['a promise of a library', () => Object.fromEntries([['then', () => {}]])],
  ])('is refused if it is %s', (_, promise) => {
    const error = { code: 'DECODE_FAILED', message: expect.stringContaining('decode returned a promise') }
    expect(() => decoded(promise())).toThrow(expect.objectContaining(error))
  })

  it('is refused if it is undefined, as of a function without a return', () => {
    const error = { code: 'DECODE_FAILED', message: expect.stringContaining('decode returned undefined') }
    expect(() => decoded(undefined)).toThrow(expect.objectContaining(error))
  })
})

describe('what encode returned', () => {
  it.each([
    ['bytes', () => Uint8Array.of(1)],
    ['a buffer', () => Buffer.from('a')],
    ['bytes of another realm, as test runners create', () => runInNewContext('Uint8Array.of(0, 255)') as Uint8Array],
  ])('may be %s', (_, made) => {
    const bytes = made()
    expect([encoded(bytes), encodedValue(bytes)]).toEqual([bytes, bytes])
  })

  it('may be null for a value, which is a tombstone', () => {
    expect(encodedValue(null)).toBe(null)
  })

  it.each([
    ['a string', 'text'],
    ['undefined', undefined],
    ['a number', 1],
    ['a promise', Promise.resolve(new Uint8Array(1))],
    ['an ArrayBuffer', new ArrayBuffer(2)],
    ['a Uint16Array', Uint16Array.of(1)],
    ['an Array', [1, 2]],
    ['an Object', {}],
    ['a function', () => {}],
  ])('is refused if it is %s', (type, value) => {
    const error = { code: 'ENCODE_FAILED', message: `ENCODE_FAILED: encode returned ${type}, not bytes` }
    for (const check of [encoded, encodedValue]) expect(() => check(value)).toThrow(expect.objectContaining(error))
  })

  it('is refused if it is null, but not for a value', () => {
    const error = { code: 'ENCODE_FAILED', message: 'ENCODE_FAILED: encode returned null, not bytes' }
    expect(() => encoded(null)).toThrow(expect.objectContaining(error))
  })
})
