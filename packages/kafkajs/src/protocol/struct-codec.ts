import { RequestWriter } from './request-writer.js'
import type { ApiVersion, Codec, Decoded, Encodable, Field, Fields } from './schema.js'

type Values = Record<string, unknown>

/** A field in one version. */
interface VersionedField {
  readonly name: string
  readonly codec: Codec<unknown>
  /** What is written if the caller leaves the field out. */
  readonly default: unknown
}

/** @returns the value of a structure that a version does not have */
export const zeroOf = <F extends Fields>(fields: F): Decoded<F> =>
  Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, zero(field)])) as Decoded<F>

/** @returns how a structure is read and written in a version; built once for each version that is used */
export function structCodec<F extends Fields>(fields: F, version: ApiVersion): Codec<Decoded<F>, Encodable<F>> {
  const defaults: [string, unknown][] = []
  const positional: VersionedField[] = []
  const tagged = new Map<number, VersionedField>()
  for (const [name, field] of Object.entries(fields)) {
    const { from = 0, to = Number.POSITIVE_INFINITY, tag } = field.options
    const isPresent = version.number >= from && version.number <= to
    if (!isPresent || tag !== undefined) defaults.push([name, zero(field)])
    if (!isPresent) continue
    const versioned = { name, codec: field.type.codec(version), default: zero(field) }
    if (tag === undefined) positional.push(versioned)
    else tagged.set(tag, versioned)
  }
  return {
    read(reader) {
      const values: Values = {}
      for (const { name, codec } of positional) values[name] = codec.read(reader)
      for (const [name, value] of defaults) values[name] = value
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
      for (const { name, codec, default: absent } of positional)
        codec.write(writer, name in values ? values[name] : absent)
      if (version.isFlexible) writeTags(writer, tagged, values)
    },
  }
}

/** Tagged fields that have their default are left out. */
function writeTags(writer: RequestWriter, tagged: ReadonlyMap<number, VersionedField>, values: Values): void {
  const present = [...tagged].filter(([, { name, default: absent }]) => name in values && values[name] !== absent)
  writer.uvarint(present.length)
  for (const [tag, { name, codec }] of present) {
    const field = new RequestWriter()
    codec.write(field, values[name])
    const bytes = Buffer.concat(field.parts())
    writer.uvarint(tag).uvarint(bytes.length).part(bytes)
  }
}

const zero = ({ type, options }: Field): unknown => ('default' in options ? options.default : type.zero)
