import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { json } from '../../src/index.js'

const bytes = (source: string) => Buffer.from(source)
const decode = (source: string, options = {}) => json<unknown>(options).decode(bytes(source))
const encode = (value: unknown, options = {}) => Buffer.from(json<unknown>(options).encode(value)).toString()
const failure = (code: string, message: string) => expect.objectContaining({ code, message: `${code}: ${message}` })

const BEYOND =
  'is an integer beyond 2^53, where numbers lose digits: set json({ bigints: true }), which decodes such integers to bigint, or write it as a string'
const BEYOND_ENCODED =
  'is an integer beyond 2^53, where numbers lose digits: use a bigint with json({ bigints: true }), or a string'

describe('numbers in JSON', () => {
  it.each([
    ['9007199254740991', 9007199254740991],
    ['-9007199254740991', -9007199254740991],
    ['1764550000000000', 1764550000000000],
    ['0.1234567890123456789', 0.12345678901234568],
    ['-0', -0],
    ['1.5e300', 1.5e300],
    ['1e21', 1e21],
    ['9007199254740991.0', 9007199254740991],
    ['1.5e21', 1.5e21],
    ['{"price":100.10,"id":"1234567890123456789"}', { price: 100.1, id: '1234567890123456789' }],
    ['{"n":[1e300]}', { n: [1e300] }],
  ])('are decoded as numbers: %s', (source, value) => {
    expect(decode(source)).toEqual(value)
    expect(decode(source, { bigints: true })).toEqual(value)
  })

  it.each([
    ['9007199254740992', 'the top', 0],
    ['{"id":9007199254740993}', 'id', 6],
    ['{"id":1234567890123456789,"n":1}', 'id', 6],
    ['[1, -9007199254740992]', '1', 4],
    ['9007199254740993.0', 'the top', 0],
    ['{"id":9007199254740993e0}', 'id', 6],
    ['{"id":9.007199254740993e15}', 'id', 6],
    ['{"id":1e20}', 'id', 6],
    ['{"lines":[{"n":1},{"n":{"id":12345678901234567890}}]}', 'lines.1.n.id', 29],
  ])('are refused if they are integers beyond 2^53, with path and position: %s', (source, path, position) => {
    expect(() => decode(source)).toThrow(
      failure('DECODE_FAILED', `the value at ${path} (position ${position}) ${BEYOND}`),
    )
  })

  it.each([
    ['{"n":1E400}', 'n', 5],
    ['[[-1e309]]', '0.0', 2],
  ])('are refused if they are too large for a number: %s', (source, path, position) => {
    for (const bigints of [false, true])
      expect(() => decode(source, { bigints })).toThrow(
        failure(
          'DECODE_FAILED',
          `the value at ${path} (position ${position}) is too large for a number: write it as a string`,
        ),
      )
  })

  it('are decoded to bigint beyond 2^53 if bigints is true, the rest of the value as ever', () => {
    const source =
      ' {"id":9007199254740993,"list":[-12345678901234567890,5,1.5,"9007199254740993",null,true,false,{}, []],"id2":1,"a\\u0062":"\\n"} '
    expect(decode(source, { bigints: true })).toStrictEqual({
      id: 9007199254740993n,
      list: [-12345678901234567890n, 5, 1.5, '9007199254740993', null, true, false, {}, []],
      id2: 1,
      ab: '\n',
    })
  })

  it.each([
    ['9007199254740993.0', 9007199254740993n],
    ['-9007199254740993e0', -9007199254740993n],
    ['9.007199254740993E15', 9007199254740993n],
    ['9007199254740993000e-3', 9007199254740993n],
    ['1e20', 100000000000000000000n],
    ['1000000000000000000001', 1000000000000000000001n],
  ])('are decoded to bigint beyond 2^53 however they are written: %s', (source, value) => {
    expect(decode(source, { bigints: true })).toBe(value)
    expect(decode(encode(value, { bigints: true }), { bigints: true })).toBe(value)
  })

  it.each(['9007199254740993.5', '90071992547409935e-1'])('are refused beyond 2^53 with a fraction: %s', (source) => {
    const message =
      'the value at the top (position 0) has a fraction and is beyond 2^53, where numbers lose digits: write it as a string'
    for (const bigints of [false, true])
      expect(() => decode(source, { bigints })).toThrow(failure('DECODE_FAILED', message))
  })

  it('pass a schema as bigint', () => {
    const serde = json(v.object({ id: v.bigint() }), { bigints: true })
    expect(serde.decode(bytes('{"id":9007199254740993}'))).toEqual({ id: 9007199254740993n })
  })

  it.each([
    [
      { id: 9007199254740993n, small: 1n, at: new Date(0), list: [2n, null] },
      '{"id":9007199254740993,"small":1,"at":"1970-01-01T00:00:00.000Z","list":[2,null]}',
    ],
    [10n, '10'],
    [{ gone: undefined, id: -1n }, '{"id":-1}'],
  ])('are written from bigint, with every digit, if bigints is true', (value, source) => {
    expect(encode(value, { bigints: true })).toBe(source)
  })

  it.each([
    [{ n: 10n }, 'the value at n is a bigint: set json({ bigints: true }), which writes it as an integer'],
    [{ a: [{ n: Number.NaN }] }, 'the value at a.0.n is NaN'],
    [Number.POSITIVE_INFINITY, 'the value at the top is Infinity'],
    [{ n: Number.NEGATIVE_INFINITY }, 'the value at n is -Infinity'],
    [{ n: 2 ** 53 }, `the value at n ${BEYOND_ENCODED}`],
  ])('are not written if they would be altered: %o', (value, message) => {
    expect(() => encode(value)).toThrow(failure('ENCODE_FAILED', message))
  })

  it.each([1e21, -1.5e300, 5e-324, Number.MAX_VALUE, Number.MAX_SAFE_INTEGER, -0.5])('are written as ever: %s', (n) => {
    expect(decode(encode({ n }))).toEqual({ n })
  })

  it('have one option, true or false', () => {
    const invalid = expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining('bigints') })
    expect(() => json({ bigints: 'all' as unknown as boolean })).toThrow(invalid)
    expect(() => json({ bigint: true } as object)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
  })
})
