import type { PositionRecord } from '../../changelog/position-record.js'
import { JoineryError } from '../../errors.js'
import type { OffsetAndMetadata } from '../contract.js'

/** The version of what Joinery writes beside an offset. */
const FORMAT = 1

/** What Joinery writes beside an offset, as JSON. */
interface Metadata {
  readonly joinery: number
  /** The owner that wrote it. */
  readonly token: number
  readonly at: number
  readonly id?: string
  readonly partitions?: number
  readonly hash?: string
  /** Of at most one pipeline, because brokers keep only some kilobytes with an offset. */
  readonly totals: Readonly<Record<string, unknown>>
}

/** A position as offsets with metadata. There are at least as many inputs as pipelines: each has its own stream. */
export function toOffsets(position: PositionRecord, token: number): ReadonlyMap<string, OffsetAndMetadata> {
  const { at, partitions, hash } = position
  const totals = Object.entries(position.totals)
  // tables come before streams, so that a stream's offset keeps the totals of its own pipeline
  const inputs = Object.entries(position.inputs).reverse()
  return new Map(
    inputs.map(([topic, { id, next }]) => {
      const metadata: Metadata = {
        joinery: FORMAT,
        token,
        at,
        ...(id !== undefined && { id }),
        ...(partitions !== undefined && { partitions }),
        ...(hash !== undefined && { hash }),
        totals: Object.fromEntries(totals.splice(-1)),
      }
      return [topic, { offset: next, metadata: JSON.stringify(metadata) }]
    }),
  )
}

/**
 * The position behind saved offsets, and the owner that wrote it; `undefined` if there are none. An offset that somebody else
 * has set counts as it is.
 *
 * @throws JoineryError `CHANGELOG_INVALID` if a newer version wrote them.
 */
export function fromOffsets(
  saved: ReadonlyMap<string, OffsetAndMetadata>,
): { readonly position: PositionRecord; readonly token: number } | undefined {
  if (saved.size === 0) return undefined
  const inputs: Record<string, { id?: string; next: number }> = {}
  const totals: Record<string, unknown> = {}
  let common: Pick<PositionRecord, 'partitions' | 'hash'> = {}
  let at = 0
  let token = 0
  for (const [topic, { offset, metadata }] of saved) {
    const note = parse(metadata, topic)
    inputs[topic] = { next: offset, ...(note?.id !== undefined && { id: note.id }) }
    if (note === undefined) continue
    Object.assign(totals, note.totals)
    if (note.token < token) continue
    token = note.token
    at = note.at
    common = {
      ...(note.partitions !== undefined && { partitions: note.partitions }),
      ...(note.hash !== undefined && { hash: note.hash }),
    }
  }
  return { position: { at, inputs, ...common, totals }, token }
}

function parse(metadata: string, topic: string): Metadata | undefined {
  let found: Partial<Metadata> | null
  try {
    found = JSON.parse(metadata) as Partial<Metadata> | null
  } catch {
    return undefined // somebody else's
  }
  if (typeof found?.joinery !== 'number') return undefined
  if (found.joinery === FORMAT) return found as Metadata
  throw new JoineryError(
    'CHANGELOG_INVALID',
    `the metadata of the offset of ${topic} has version ${found.joinery}, this version reads ${FORMAT}: run the version that wrote it, or newer`,
    { topic },
  )
}
