import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { bytes, int64, json, text } from '../../src/index.js'

const refused = expect.objectContaining({ code: 'DECODE_FAILED' })
const unwritable = expect.objectContaining({ code: 'ENCODE_FAILED' })
const hex = (digits: string) => Buffer.from(digits, 'hex')

describe('formats', () => {
  it('identify the encoding', () => {
    expect([text(), json(), bytes(), int64()].map(({ format }) => format)).toEqual(['text', 'json', 'bytes', 'int64'])
  })
})

describe('text', () => {
  it.each([
    ['', ''],
    ['é', 'c3a9'],
    ['😀', 'f09f9880'],
    ['\ufeffx', 'efbbbf78'],
    ['a\u0000b', '610062'],
    ['e\u0301', '65cc81'],
  ])('encodes %j as UTF-8 and decodes it unchanged', (string, digits) => {
    expect(Buffer.from(text().encode(string)).toString('hex')).toBe(digits)
    expect(text().decode(new Uint8Array(hex(digits)))).toBe(string)
  })

  it.each(['80', 'c0af', 'eda080', 'f09f98', 'f4908080', 'ff', '61c3'])('rejects the bytes %s', (digits) => {
    expect(() => text().decode(hex(digits))).toThrow(refused)
  })

  it.each(['\ud800', 'a\udc00b', '\udc00\ud800'])('rejects a lone surrogate: %j', (string) => {
    expect(() => text().encode(string)).toThrow(unwritable)
  })

  it.each([[1], [null], [undefined], [{}], [Buffer.from('x')]])('rejects a value that is not a string: %j', (value) => {
    expect(() => text().encode(value as unknown as string)).toThrow(unwritable)
  })
})

describe('int64', () => {
  it.each([
    [0n, '0000000000000000'],
    [1n, '0000000000000001'],
    [-1n, 'ffffffffffffffff'],
    [2n ** 63n - 1n, '7fffffffffffffff'],
    [-(2n ** 63n), '8000000000000000'],
  ])('encodes %s as eight bytes, big-endian', (value, digits) => {
    expect(Buffer.from(int64().encode(value)).toString('hex')).toBe(digits)
    expect(int64().decode(new Uint8Array(Buffer.concat([hex('ff'), hex(digits)])).subarray(1))).toBe(value)
  })

  it.each([[2n ** 63n], [-(2n ** 63n) - 1n], [1 as unknown as bigint], ['1' as unknown as bigint]])(
    'rejects %s',
    (value) => {
      expect(() => int64().encode(value)).toThrow(unwritable)
    },
  )

  it.each(['', '00', '00000000000000', '000000000000000000'])('rejects the bytes %j', (digits) => {
    expect(() => int64().decode(hex(digits))).toThrow(refused)
  })
})

describe('bytes', () => {
  it('passes bytes through', () => {
    const value = Uint8Array.from([0, 255, 128])
    expect(bytes().decode(value)).toBe(value)
    expect(bytes().encode(value)).toBe(value)
  })

  it('accepts bytes of another realm, as test runners create', () => {
    const value = runInNewContext('Uint8Array.of(0, 255)') as Uint8Array
    expect(value instanceof Uint8Array).toBe(false)
    expect(bytes().encode(value)).toBe(value)
  })

  it('does not keep the buffer alive that a value was part of', () => {
    const fetched = new Uint8Array(1_000_000).fill(7)
    const value = bytes().decode(fetched.subarray(10, 210))
    expect(value).toEqual(new Uint8Array(200).fill(7))
    expect(value.buffer.byteLength).toBe(200)
  })

  it.each([['text'], [null], [[1, 2]], [new ArrayBuffer(2)]])('rejects %j', (value) => {
    expect(() => bytes().encode(value as unknown as Uint8Array)).toThrow(unwritable)
  })
})
