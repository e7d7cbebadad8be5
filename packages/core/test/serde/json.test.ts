import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { json, type StandardSchema } from '../../src/index.js'

const refused = expect.objectContaining({ name: 'JoineryError', code: 'DECODE_FAILED' })
const unwritable = expect.objectContaining({ name: 'JoineryError', code: 'ENCODE_FAILED' })
const decode = (source: string | Uint8Array, limits = {}) =>
  json<unknown>(limits).decode(typeof source === 'string' ? Buffer.from(source) : source)

describe('json', () => {
  it.each([
    ['{"a":[1,true,null,"x"]}', { a: [1, true, null, 'x'] }],
    ['null', null],
    ['0', 0],
    ['""', ''],
    [' [ ] ', []],
    ['"\\ud83d\\ude00"', '😀'],
    ['{"proto":1,"prototype":{},"constructor":"builder"}', { proto: 1, prototype: {}, constructor: 'builder' }],
    ['{"text":"__proto__ and constructor.prototype"}', { text: '__proto__ and constructor.prototype' }],
  ])('decodes %s', (source, value) => {
    expect(decode(source)).toEqual(value)
  })

  it('encodes UTF-8, and decodes what it has encoded', () => {
    const value = { name: 'Zoë 😀', list: [1, { deep: [] }] }
    const bytes = json<typeof value>().encode(value)
    expect(Buffer.from(bytes)).toEqual(Buffer.from('{"name":"Zoë 😀","list":[1,{"deep":[]}]}', 'utf8'))
    expect(json<typeof value>().decode(bytes)).toEqual(value)
  })

  it('decodes a view of a buffer, and does not change the bytes', () => {
    const around = new Uint8Array(Buffer.from('xx{"a":1}xx'))
    expect(decode(around.subarray(2, 9))).toEqual({ a: 1 })
    expect(Buffer.from(around).toString()).toBe('xx{"a":1}xx')
  })

  it.each([
    ['nothing', ''],
    ['half an object', '{"a":'],
    ['two values', '{} {}'],
    ['a comment', '/* */ {}'],
    ['a byte order mark', '\ufeff{}'],
    ['NaN', 'NaN'],
    ['a control character in a string', '"\u0001"'],
  ])('rejects %s', (_, source) => {
    expect(() => decode(source)).toThrow(refused)
  })

  it.each([
    ['a lone continuation byte', [0x22, 0x80, 0x22]],
    ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22]],
    ['an encoded surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['a truncated sequence', [0x22, 0xf0, 0x9f, 0x98, 0x22]],
  ])('rejects invalid UTF-8: %s', (_, bytes) => {
    expect(() => decode(Uint8Array.from(bytes))).toThrow(refused)
  })

  it.each([
    ['plain', '{"__proto__":{"admin":true}}'],
    ['nested in arrays', '[[{"a":[{"__proto__":1}]}]]'],
    ['with a null value', '{"__proto__":null}'],
    ['escaped at its beginning', '{"\\u005f_proto__":{}}'],
    ['escaped and with nothing within', '{"\\u005f_proto__":1}'],
    ['escaped at its end', '{"__proto_\\u005F":{}}'],
    ['escaped throughout', '{"\\u005f\\u005f\\u0070\\u0072\\u006f\\u0074\\u006f\\u005f\\u005f":{}}'],
    ['twice', '{"__proto__":1,"__proto__":2}'],
    ['as constructor.prototype', '{"constructor":{"prototype":{"admin":true}}}'],
    ['as constructor.prototype deep inside', '{"a":[{"constructor":{"prototype":1}}]}'],
    ['as constructor.prototype, escaped', '{"c\\u006fnstructor":{"\\u0070rototype":{}}}'],
  ])('rejects the key __proto__: %s', (_, source) => {
    expect(() => decode(source)).toThrow(refused)
    expect(Object.prototype).not.toHaveProperty('admin')
  })

  it('rejects it before a schema can copy it', () => {
    const schema = v.record(v.string(), v.unknown())
    expect(() => json(schema).decode(Buffer.from('{"__proto__":{}}'))).toThrow(refused)
  })

  it('rejects values that are deeper than 64 levels, or than its limit', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    expect(() => decode(nested(64))).not.toThrow()
    expect(() => decode(nested(65))).toThrow(refused)
    expect(() => decode(nested(3), { maxDepth: 3 })).not.toThrow()
    expect(() => decode('{"a":{"b":{"c":{}}}}', { maxDepth: 3 })).toThrow(refused)
  })

  it('does not count brackets in strings as depth', () => {
    expect(decode(JSON.stringify(`${'['.repeat(1_000)}"\\${'{'.repeat(1_000)}`))).toHaveLength(2_002)
  })

  it.each(['[', '{"a":', '[{"\\u0061":'])('rejects a depth of 100 000 of %s without an overflow', (part) => {
    const source = part.repeat(100_000)
    expect(() => decode(source)).toThrow(refused)
  })

  it('decodes a depth of 100 000 if the limit allows it', () => {
    const source = `${'[{"\\u0061":'.repeat(50_000)}null${'}]'.repeat(50_000)}`
    const limits = { maxDepth: 100_000 }
    expect(() => decode(source, limits)).not.toThrow()
    expect(() => decode(source.replace('null', '{"__proto__":1}'), { maxDepth: 100_001 })).toThrow(refused)
  })

  it('rejects values that are larger than 1 MiB, or than its limit', () => {
    const text = (bytes: number) => `"${'x'.repeat(bytes - 2)}"`
    expect(() => decode(text(1_048_576))).not.toThrow()
    expect(() => decode(text(1_048_577))).toThrow(refused)
    expect(() => decode('"é"', { maxBytes: 4 })).not.toThrow()
    expect(() => decode('"é"', { maxBytes: 3 })).toThrow(refused)
  })

  it('encodes lone surrogates as escapes, so that different strings stay different', () => {
    const serde = json<string>()
    expect(Buffer.from(serde.encode('\ud800'))).toEqual(Buffer.from('"\\ud800"'))
    expect(serde.decode(serde.encode('\udfff'))).toBe('\udfff')
  })

  const cycle: unknown[] = []
  cycle.push(cycle)
  it.each([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a bigint', 1n],
    ['a cycle', cycle],
    ['a promise', Promise.resolve(1)],
  ])('rejects encoding %s', (_, value) => {
    expect(() => json<unknown>().encode(value)).toThrow(unwritable)
  })

  it('handles the rejection of a promise that it rejects', async () => {
    const unhandled: unknown[] = []
    const record = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', record)
    try {
      expect(() => json<unknown>().encode(Promise.reject(new Error('unhandled')))).toThrow(unwritable)
      await new Promise((resolve) => setImmediate(resolve)) // unhandled rejections are reported at the end of a turn
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', record)
    }
  })
})

describe('json with a schema', () => {
  const Product = v.object({
    id: v.string(),
    since: v.pipe(
      v.string(),
      v.isoTimestamp(),
      v.transform((text) => new Date(text)),
    ),
    active: v.optional(v.boolean(), true),
  })
  const serde = json(Product)

  it('validates and transforms decoded values', () => {
    const value = serde.decode(Buffer.from('{"id":"p","since":"2026-01-01T00:00:00Z"}'))
    expect(value).toEqual({ id: 'p', since: new Date('2026-01-01T00:00:00Z'), active: true })
  })

  it('encodes the input of the schema unchanged', () => {
    expect(Buffer.from(serde.encode({ id: 'p', since: '2026-01-01T00:00:00Z' }))).toEqual(
      Buffer.from('{"id":"p","since":"2026-01-01T00:00:00Z"}'),
    )
  })

  it('rejects what the schema rejects, with the path', () => {
    const read = () =>
      json(v.object({ a: v.array(v.object({ b: v.number() })) })).decode(Buffer.from('{"a":[{"b":"x"}]}'))
    expect(read).toThrow(refused)
    expect(read).toThrow(/a\.0\.b/)
  })

  it('accepts limits in addition to the schema', () => {
    expect(() => json(Product, { maxBytes: 5 }).decode(Buffer.from('{"id":"p"}'))).toThrow(/limit of 5/)
  })

  it('rejects schemas that validate asynchronously', () => {
    const later = v.pipeAsync(
      v.string(),
      v.checkAsync(async () => false),
    )
    expect(() => json(later).decode(Buffer.from('"x"'))).toThrow(refused)
  })

  it('rejects any thenable', () => {
    const thenable: StandardSchema<string> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        // biome-ignore lint/suspicious/noThenProperty: a promise of another library is such an object
        validate: () => ({ then: () => {} }) as unknown as Promise<never>,
      },
    }
    expect(() => json(thenable).decode(Buffer.from('"x"'))).toThrow(refused)
  })

  it('accepts schemas that are functions', () => {
    const schema = Object.assign(() => {}, {
      '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value: `${value}!` }) },
    } as const) as StandardSchema<string>
    expect(json(schema).decode(Buffer.from('"x"'))).toBe('x!')
  })

  it('formats paths of keys and of objects with a key', () => {
    const schema: StandardSchema<string> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => ({ issues: [{ message: 'bad', path: ['a', { key: 'b' }, 3] }, { message: 'worse' }] }),
      },
    }
    expect(() => json(schema).decode(Buffer.from('"x"'))).toThrow(
      expect.objectContaining({ code: 'DECODE_FAILED', problems: ['a.b.3: bad', 'worse'] }),
    )
  })
})
