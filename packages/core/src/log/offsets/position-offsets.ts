import type { InputPosition, PositionRecord } from '../../changelog/position-record.js'
import { JoineryError } from '../../errors.js'
import type { OffsetAndMetadata } from '../contract.js'

/** The version of the metadata that Joinery stores with an offset. */
const FORMAT = 1

/** The metadata that Joinery stores with an offset, as JSON. */
interface Metadata {
  readonly joinery: number
  /** The token of the owner that wrote it. */
  readonly token: number
  readonly writtenAt: number
  readonly id?: string
  readonly leaderEpoch?: number
  readonly partitions?: number
  readonly hash?: string
  /** The totals of at most one pipeline, because brokers accept only a few kilobytes of metadata for an offset. */
  readonly totals: Readonly<Record<string, unknown>>
}

/** @returns a position as offsets with metadata; there are at least as many inputs as pipelines, because each pipeline has its own stream */
export function toOffsets(position: PositionRecord, token: number): ReadonlyMap<string, OffsetAndMetadata> {
  const { writtenAt, partitions, hash } = position
  const totals = Object.entries(position.totals)
  // `inputs` has tables before streams: reversed, the offset of a stream gets the totals of its own pipeline
  const inputs = Object.entries(position.inputs).reverse()
  return new Map(
    inputs.map(([topic, { id, next, leaderEpoch }]) => {
      const metadata: Metadata = {
        joinery: FORMAT,
        token,
        writtenAt,
        ...(id !== undefined && { id }),
        ...(leaderEpoch !== undefined && { leaderEpoch }),
        ...(partitions !== undefined && { partitions }),
        ...(hash !== undefined && { hash }),
        totals: Object.fromEntries(totals.splice(-1)),
      }
      return [topic, { offset: next, metadata: JSON.stringify(metadata) }]
    }),
  )
}

/**
 * Decodes saved offsets. An offset without metadata, which another tool has set, is accepted as it is.
 *
 * @returns the position, and the token of the owner that wrote it; `undefined` if no offsets are saved
 * @throws JoineryError `CHANGELOG_INVALID` if a newer version wrote them
 */
export function fromOffsets(
  saved: ReadonlyMap<string, OffsetAndMetadata>,
): { readonly position: PositionRecord; readonly token: number } | undefined {
  if (saved.size === 0) return undefined
  const inputs: Record<string, InputPosition> = {}
  const totals: Record<string, unknown> = {}
  let common: Pick<PositionRecord, 'partitions' | 'hash'> = {}
  let writtenAt = 0
  let token = 0
  for (const [topic, { offset, metadata }] of saved) {
    const decoded = parse(metadata, topic)
    inputs[topic] = {
      next: offset,
      ...(decoded?.id !== undefined && { id: decoded.id }),
      ...(decoded?.leaderEpoch !== undefined && { leaderEpoch: decoded.leaderEpoch }),
    }
    if (decoded === undefined) continue
    Object.assign(totals, decoded.totals)
    if (decoded.token < token) continue
    token = decoded.token
    writtenAt = decoded.writtenAt
    common = {
      ...(decoded.partitions !== undefined && { partitions: decoded.partitions }),
      ...(decoded.hash !== undefined && { hash: decoded.hash }),
    }
  }
  return { position: { writtenAt, inputs, ...common, totals }, token }
}

function parse(metadata: string, topic: string): Metadata | undefined {
  let found: Partial<Metadata> | null
  try {
    found = JSON.parse(metadata) as Partial<Metadata> | null
  } catch {
    return undefined // another tool wrote it
  }
  if (typeof found?.joinery !== 'number') return undefined
  if (found.joinery === FORMAT) return found as Metadata
  throw new JoineryError(
    'CHANGELOG_INVALID',
    `the metadata of the offset of ${topic} has version ${found.joinery}, but this version reads version ${FORMAT}: run the version that wrote it, or a newer one`,
    { topic },
  )
}
