import { COMPACT, type Codec, PLAIN, ZERO } from './primitives.js'
import { RequestWriter } from './request-writer.js'
import type { Decoded, Encodable, Field, FieldOptions, Fields, Primitive, Type } from './schema.js'

/** One version of an API. */
export interface ApiVersion {
  readonly number: number
  /** Whether strings, bytes and arrays have the compact form, and structures end with tagged fields (KIP-482). */
  readonly isFlexible: boolean
}

type Values = Record<string, unknown>
type AnyCodec = Codec<unknown>

/** A field in one version. */
interface VersionedField {
  readonly name: string
  readonly codec: AnyCodec
  /** What is written if the caller leaves the field out. */
  readonly default: unknown
}

/** @returns how a structure is read and written in a version */
export function structCodec<F extends Fields>(fields: F, version: ApiVersion): Codec<Decoded<F>, Encodable<F>> {
  const defaults: Values = {}
  const positional: VersionedField[] = []
  const tagged = new Map<number, VersionedField>()
  for (const [name, field] of Object.entries(fields)) {
    const { from = 0, to = Number.POSITIVE_INFINITY, tag } = optionsOf(field)
    const isPresent = version.number >= from && version.number <= to
    const absent = zeroOf(field)
    defaults[name] = absent
    if (!isPresent) continue
    const versioned: VersionedField = { name, codec: codecOf(typeOf(field), version), default: absent }
    if (tag === undefined) positional.push(versioned)
    else tagged.set(tag, versioned)
  }
  return {
    read(reader) {
      const values = { ...defaults }
      for (const { name, codec } of positional) values[name] = codec.read(reader)
      if (version.isFlexible) {
        reader.tags((tag) => {
          const field = tagged.get(tag)
          if (field !== undefined) values[field.name] = field.codec.read(reader)
        })
      }
      return values as Decoded<F>
    },
    write(writer, given) {
      const values = given as Values
      for (const { name, codec, default: absent } of positional) {
        const value = values[name]
        codec.write(writer, value === undefined ? absent : value)
      }
      if (version.isFlexible) writeTags(writer, tagged, values)
    },
  }
}

/** Tagged fields that have their default are left out. */
function writeTags(writer: RequestWriter, tagged: ReadonlyMap<number, VersionedField>, values: Values): void {
  const present = [...tagged].filter(([, field]) => ![undefined, field.default].includes(values[field.name]))
  writer.uvarint(present.length)
  for (const [tag, { name, codec }] of present) {
    const field = new RequestWriter()
    codec.write(field, values[name])
    writer.taggedField(tag, Buffer.concat(field.parts()))
  }
}

function codecOf(type: Type, version: ApiVersion): AnyCodec {
  if ('type' in type) return primitive(type.type, version)
  if ('struct' in type) return structCodec(type.struct, version) as AnyCodec
  if ('nullableArray' in type) return arrayCodec(type.nullableArray, version) as AnyCodec
  const { read, write } = arrayCodec(type.array, version)
  return { read: (reader) => read(reader) ?? [], write } as AnyCodec
}

function arrayCodec(of: Primitive | Fields, version: ApiVersion): Codec<readonly unknown[] | null> {
  const { read, write } = typeof of === 'string' ? primitive(of, version) : (structCodec(of, version) as AnyCodec)
  return version.isFlexible
    ? {
        read: (reader) => reader.compactArray(() => read(reader)),
        write: (writer, values) => writer.compactArray(values, (value) => write(writer, value)),
      }
    : {
        read: (reader) => reader.array(() => read(reader)),
        write: (writer, values) => writer.array(values, (value) => write(writer, value)),
      }
}

const primitive = (type: Primitive, { isFlexible }: ApiVersion): AnyCodec =>
  (isFlexible ? COMPACT : PLAIN)[type] as AnyCodec

const typeOf = (field: Field): Type => (typeof field === 'string' ? { type: field } : field)
const optionsOf = (field: Field): FieldOptions => (typeof field === 'string' ? {} : field)

/** @returns the value of a field that a version lacks */
function zeroOf(field: Field): unknown {
  const options = optionsOf(field)
  if ('default' in options) return options.default
  const type = typeOf(field)
  if ('type' in type) return ZERO[type.type]
  if ('array' in type) return []
  if ('nullableArray' in type) return null
  return Object.fromEntries(Object.entries(type.struct).map(([name, each]) => [name, zeroOf(each)]))
}
