import { describe, expect, it } from 'vitest'
import { json } from '../../src/index.js'

const failure = (code: string, message: string) => expect.objectContaining({ code, message: `${code}: ${message}` })

describe('bytes that are not JSON', () => {
  it.each([
    ['{"a":1,}', 'expected a key in double quotes at position 7 of 8 (the top)'],
    ['{"a":[1,2', "expected ',' or ']' at the end, position 9 (a.1)"],
    ['{"a" 1}', "expected ':' at position 5 of 7 (the top)"],
    ['{"a":tru}', 'expected a value at position 5 of 9 (a)'],
    ['{"a":"x\ny"}', 'expected the control character U+000A of a string to be escaped at position 7 of 11 (a)'],
    ['["a\\x"]', 'expected an escape that JSON has at position 3 of 7 (0)'],
    ['["\\u12g4"]', 'expected an escape that JSON has at position 2 of 10 (0)'],
    ['["abc', 'expected the end of a string at the end, position 5 (0)'],
    ['{} {}', 'expected the end at position 3 of 5 (the top)'],
    ['[01]', "expected ',' or ']' at position 2 of 4 (0)"],
    ['[-]', 'expected a value at position 1 of 3 (0)'],
    ['[1.]', "expected ',' or ']' at position 2 of 4 (0)"],
    ['NaN', 'expected a value at position 0 of 3 (the top)'],
    ["{'a':1}", 'expected a key in double quotes at position 1 of 7 (the top)'],
    ['[[1],[2}]', "expected ',' or ']' at position 7 of 9 (1.0)"],
    [' \n', 'expected a value at the end, position 2 (the top)'],
  ])('are refused with what was expected, where: %j', (source, message) => {
    expect(() => json().decode(Buffer.from(source))).toThrow(
      failure('DECODE_FAILED', `the bytes are not valid JSON: ${message}`),
    )
  })

  it.each([
    ['no bytes', Buffer.alloc(0), 'there are none, and a tombstone has the value null instead'],
    ['a byte order mark', Buffer.from('\ufeff{}'), 'they begin with a byte order mark (BOM): write UTF-8 without it'],
    ['UTF-16, little-endian', Buffer.from('{"a":1}', 'utf16le'), 'they look like UTF-16: write UTF-8'],
    ['UTF-16, big-endian', Buffer.from('{"a":1}', 'utf16le').swap16(), 'they look like UTF-16: write UTF-8'],
    ['UTF-16 with a byte order mark', Buffer.from('\ufeff{"a":1}', 'utf16le'), 'they look like UTF-16: write UTF-8'],
    [
      'the format of a schema registry',
      Buffer.from([0, 0, 0, 0, 7, 2, 4]),
      'they begin with zeros, as those of a schema registry do: use a serde for its format',
    ],
  ])('are refused with their encoding: %s', (_, bytes, problem) => {
    expect(() => json().decode(bytes)).toThrow(failure('DECODE_FAILED', `the bytes are not valid JSON: ${problem}`))
  })

  it.each([
    [Buffer.from('{"n":"M\xfcller"}', 'latin1'), 7],
    [Buffer.concat([Buffer.from('"é\ufffd'), Buffer.of(0x80)]), 6],
    [Buffer.concat([Buffer.from('"\ufffd😀'), Buffer.of(0xf0, 0x9f)]), 8],
  ])('are refused with the first byte that is not UTF-8', (bytes, position) => {
    expect(() => json().decode(bytes)).toThrow(
      failure('DECODE_FAILED', `the bytes are not valid UTF-8: byte ${position} is wrong`),
    )
  })

  it('are refused without their contents, but for the path', () => {
    const decode = () => json().decode(Buffer.from('{"card":"1234-5678",secret}'))
    expect(decode).toThrow(expect.objectContaining({ message: expect.not.stringMatching(/1234|secret/) }))
  })

  it('are refused with a path that is not too long', () => {
    const source = `{"${'k'.repeat(5_000)}":[[[!`
    expect(() => json().decode(Buffer.from(source))).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{200,400}$/) }),
    )
  })
})

describe('what JSON would leave out', () => {
  class Tag {
    readonly name = 'a'
    readonly run = () => 1
  }

  class Secret {
    readonly #value = 1
    reveal(): number {
      return this.#value
    }
  }

  class Named extends Map {
    readonly name = 'a'
  }

  it.each([
    [{ m: new Map([[1, 2]]) }, 'm is a Map'],
    [{ m: new Named() }, 'm is a Map'],
    [{ e: Object.assign(new Error('hidden'), { code: 'E' }) }, 'e is an Error'],
    [{ b: new Uint8Array(2) }, 'b is a Uint8Array'],
    [{ l: [1, undefined] }, 'l.1 is undefined'],
    [new Array(1), '0 is undefined'],
    [new Secret(), 'the top is an instance of Secret, which has no enumerable fields: give it a toJSON method'],
    [{ r: new Response('a') }, 'r is an instance of Response, which has no enumerable fields: give it a toJSON method'],
    [{ s: [new Set([1])] }, 's.0 is a Set'],
    [{ a: { b: /x/ } }, 'a.b is a RegExp'],
    [{ e: new TypeError('hidden') }, 'e is an Error'],
    [{ b: new ArrayBuffer(2) }, 'b is an ArrayBuffer'],
    [{ b: new Blob(['a']) }, 'b is a Blob'],
    [{ u: new URLSearchParams('a=1') }, 'u is a URLSearchParams'],
    [{ n: Object(1n) }, 'n is a bigint: set json({ bigints: true }), which writes it as an integer'],
    [{ p: Promise.resolve(1) }, 'p is a promise, but the functions of a pipeline are synchronous'],
    [{ d: new Date(Number.NaN) }, 'd is an invalid date'],
    [{ f: () => 1 }, 'f is a function'],
    [[() => 1], '0 is a function'],
    [{ s: Symbol('q') }, 's is a symbol'],
    [new Tag(), 'run is a function'],
    [{ 'a key': { n: Number.NaN } }, 'a key.n is NaN'],
    [{ toJSON: () => ({ n: Number.NaN }) }, 'n is NaN'],
  ])('is refused with its path and type: %o', (value, what) => {
    expect(() => json<unknown>().encode(value)).toThrow(failure('ENCODE_FAILED', `the value at ${what}`))
  })

  it('is refused if it contains itself', () => {
    const value: { a: object[] } = { a: [] }
    value.a.push({ b: value })
    expect(() => json<unknown>().encode(value)).toThrow(failure('ENCODE_FAILED', 'the value at a.0.b contains itself'))
  })

  it('is refused with the error of a toJSON that throws', () => {
    const toJSON = (): never => {
      throw new Error('no text')
    }
    expect(() => json<unknown>().encode({ a: { toJSON } })).toThrow(
      failure('ENCODE_FAILED', 'the value cannot be encoded as JSON: no text'),
    )
  })

  class Price {
    readonly #cents = 5
    toJSON(key: string): object {
      return { [key]: this.#cents }
    }
  }

  it.each([
    [
      { gone: undefined, list: [null], empty: {}, nothing: null, at: new Date(0) },
      '{"list":[null],"empty":{},"nothing":null,"at":"1970-01-01T00:00:00.000Z"}',
    ],
    [{ p: new Price() }, '{"p":{"p":5}}'],
    [{ toJSON: (): string => 'custom' }, '"custom"'],
    [{ a: Object.create(null), b: Object('x'), c: Object(1) }, '{"a":{},"b":"x","c":1}'],
    [Buffer.from('a'), '{"type":"Buffer","data":[97]}'],
  ])('does not include what JSON has a text for: %o', (value, text) => {
    expect(Buffer.from(json<unknown>().encode(value)).toString()).toBe(text)
  })

  it('does not include a value that is part of another twice', () => {
    const part = { at: new Date(0), price: new Price() }
    expect(JSON.parse(Buffer.from(json<unknown>().encode({ a: part, b: [part] })).toString())).toEqual(
      JSON.parse(JSON.stringify({ a: part, b: [part] })),
    )
  })
})
