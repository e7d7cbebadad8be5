import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { apiCodec, encode } from '../../src/protocol/api.js'
import type { Codec } from '../../src/protocol/codec/primitives.js'
import { ResponseReader } from '../../src/protocol/codec/response-reader.js'
import type { Field, Fields, Primitive } from '../../src/protocol/codec/schema.js'
import { APIS } from './apis.js'

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** A message as Kafka's own classes have written it (packages/testbed/tools/KafkaMessages.java). */
interface KafkaMessage {
  readonly api: string
  readonly version: number
  readonly direction: 'request' | 'response'
  readonly json: { readonly [name: string]: Json }
  readonly hex: string
}

const lines = readFileSync(new URL('kafka-messages.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
// JSON.parse would round producer ids
const all = lines.map((line): KafkaMessage => JSON.parse(line.replaceAll(/:(\d{17,})/g, ':"$1"')))

function schemaOf({ api: name, version, direction }: KafkaMessage): { fields: Fields; codec: Codec<object> } {
  const api = APIS.find((each) => each.name === name) as (typeof APIS)[number]
  return { fields: api[direction], codec: apiCodec(api, version)[direction] as Codec<object> }
}

describe("messages that Kafka's own classes have written", () => {
  it('exist for each version of each API', () => {
    const apis = APIS.flatMap(({ name, minVersion, maxVersion }) =>
      ['request', 'response'].flatMap((direction) => range(minVersion, maxVersion, `${name} ${direction}`)),
    )
    expect(new Set(all.map(({ api, version, direction }) => `${api} ${direction} ${version}`))).toEqual(new Set(apis))
  })

  it.each(APIS.map(({ name }) => name))(
    '%s: are read with all fields, and written with the same bytes',
    (name) => {
      for (const message of all.filter(({ api }) => api === name)) {
        const { fields, codec } = schemaOf(message)
        const bytes = Buffer.from(message.hex, 'hex')
        const reader = new ResponseReader(bytes)
        const value = codec.read(reader)
        expect(reader.at, 'bytes read').toBe(bytes.length)
        expectFields(fields, value as Record<string, unknown>, message.json)
        expect(Buffer.concat(encode(codec, value)).toString('hex')).toBe(message.hex)
        for (let length = 0; length < bytes.length; length++)
          expect(() => codec.read(new ResponseReader(bytes.subarray(0, length))), `${length} bytes`).toThrow(
            expect.objectContaining({ code: 'RECORDS_CORRUPT' }),
          )
      }
    },
    // many thousand messages that are cut off
    120_000,
  )
})

const range = (from: number, to: number, what: string): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${what} ${from + i}`)

/** Compares a structure with Kafka's JSON, which leaves out fields that a version lacks and tagged fields with their default. */
function expectFields(fields: Fields, value: Record<string, unknown>, json: { readonly [name: string]: Json }): void {
  expect(Object.keys(fields)).toEqual(expect.arrayContaining(Object.keys(json)))
  expect(Object.keys(value).sort()).toEqual(Object.keys(fields).sort())
  for (const [name, field] of Object.entries(fields)) {
    const expected = json[name]
    if (expected === undefined) expect(isDefault(field, value[name]), `${name} has its default`).toBe(true)
    else expectValue(field, value[name], expected)
  }
}

function expectValue(field: Field, value: unknown, json: Json): void {
  if (json === null) expect(value).toBeNull()
  else if (typeof field === 'string') expectItem(field, value, json)
  else if ('type' in field) expectItem(field.type, value, json)
  else if ('struct' in field) expectItem(field.struct, value, json)
  else {
    const of = 'array' in field ? field.array : field.nullableArray
    const items = json as readonly Json[]
    expect(value).toHaveLength(items.length)
    for (const [i, item] of items.entries()) expectItem(of, (value as unknown[])[i], item)
  }
}

function expectItem(of: Primitive | Fields, value: unknown, json: Json): void {
  if (typeof of === 'string') expectPrimitive(of, value, json)
  else expectFields(of, value as Record<string, unknown>, json as { readonly [name: string]: Json })
}

function expectPrimitive(type: Primitive, value: unknown, json: Json): void {
  if (type === 'uuid') expect(Buffer.from(value as string, 'hex').toString('base64url')).toBe(json)
  else if (type === 'bigint64') expect(value).toBe(BigInt(json as string))
  else if (Buffer.isBuffer(value))
    expect([value.toString('base64'), '']).toContain(json) // Kafka leaves records out
  else expect(value).toBe(json)
}

function isDefault(field: Field, value: unknown): boolean {
  if (typeof field === 'object' && 'default' in field) return field.default === value
  if (typeof field === 'object' && 'struct' in field)
    return Object.entries(field.struct).every(([name, each]) => isDefault(each, (value as never)[name]))
  return ZEROS.has(value) || (value as readonly unknown[]).length === 0
}

const ZEROS = new Set<unknown>([null, 0, 0n, '', false, '0'.repeat(32)])
