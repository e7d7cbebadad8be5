import { JoineryError } from '../errors.js'
import { checkValueVersion, VALUE_VERSION } from './keys.js'

/** How far an input topic has been processed. */
export interface InputPosition {
  /** The id of the topic. Left out if an external consumer sets the offsets. */
  readonly id?: string
  /** The offset to read next. */
  readonly next: number
  /** The leader epoch of the last record or marker before `next`. Left out if it is not known. */
  readonly leaderEpoch?: number
  /**
   * For a table that is rebuilt from its topic: how many of its records are not rows, because they had no key or could not be
   * decoded. If there are none, a restore need not decode records. Left out if they were not counted.
   */
  readonly skipped?: number
  /**
   * For a table whose rows are kept in the changelog, and whose topic is compacted: when the latest end offset that it has
   * reached was requested, in milliseconds of the log's clock.
   */
  readonly caughtUpAt?: number
  /**
   * For such a table whose topic deletes, too: the longest time for which it was not read to its end, if that was longer than
   * the topic kept tombstones; in milliseconds of the log's clock.
   */
  readonly unread?: { readonly from: number; readonly to: number }
}

/** The POSITION record of the changelog, which each commit writes for the whole task. `T`: the totals of a pipeline. */
export interface PositionRecord<T = unknown> {
  /** When it was written, in milliseconds since the epoch; only for human readers. */
  readonly writtenAt: number
  readonly inputs: Readonly<Record<string, InputPosition>>
  /** How many partitions each input has. Left out, like the hash, if an external consumer sets the offsets. */
  readonly partitions?: number
  /** A fingerprint of the pipelines, which detects changes. */
  readonly hash?: string
  /** By pipeline. */
  readonly totals: Readonly<Record<string, T>>
}

/** @returns the value of a POSITION record: a version byte, then JSON */
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
