import { JoineryError } from '../errors.js'
import { checkValueVersion, VALUE_VERSION } from './keys.js'

/** How far an input topic has been processed. */
export interface InputPosition {
  /** The topic's identity. Offsets that somebody else has set have none. */
  readonly id?: string
  /** The offset to read next. */
  readonly next: number
  /**
   * Of a table that is rebuilt from its topic: how many of its records are no rows, because they had no key or could not be
   * decoded. Where there are none, a restore need not look into records. Left out where nobody has counted.
   */
  readonly skipped?: number
}

/** What a commit says of the whole task: the POSITION record of the changelog. `T`: the totals of a pipeline. */
export interface PositionRecord<T = unknown> {
  /** When it was written, in milliseconds since the epoch; for people. */
  readonly at: number
  readonly inputs: Readonly<Record<string, InputPosition>>
  /** How many partitions every input has; left out where somebody else has set all offsets, as is the hash. */
  readonly partitions?: number
  /** What the pipelines are made of, so that a changed one is noticed. */
  readonly hash?: string
  /** By pipeline. */
  readonly totals: Readonly<Record<string, T>>
}

/** A POSITION record's value: a version byte, then JSON. */
export function encodePosition(position: PositionRecord): Uint8Array {
  return Buffer.concat([Buffer.from([VALUE_VERSION]), Buffer.from(JSON.stringify(position))])
}

/** @throws JoineryError `CHANGELOG_INVALID` for a version that this code does not know, or a record that is damaged. */
export function decodePosition<T>(value: Uint8Array): PositionRecord<T> {
  checkValueVersion(value, 'POSITION')
  try {
    return JSON.parse(Buffer.from(value.buffer, value.byteOffset + 1, value.length - 1).toString()) as PositionRecord<T>
  } catch (cause) {
    throw new JoineryError('CHANGELOG_INVALID', 'a POSITION record is damaged: reset the application', { cause })
  }
}
