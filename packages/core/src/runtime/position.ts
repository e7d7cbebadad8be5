import { createHash } from 'node:crypto'
import { JoineryError } from '../errors.js'
import type { Totals } from '../join/totals.js'
import { checkValueVersion, VALUE_VERSION } from '../log/changelog-format.js'
import type { ApplicationPlan } from '../pipeline/plan.js'

/** What a commit says of the whole task: the POSITION record of the changelog. */
export interface Position {
  /** When it was written, in milliseconds since the epoch; for people. */
  readonly at: number
  /** For each input topic: its identity, and the offset to read next. */
  readonly inputs: Readonly<Record<string, { readonly id: string; readonly next: number }>>
  /** How many partitions every input has. */
  readonly partitions: number
  /** What the pipelines are made of, so that a changed one is noticed. */
  readonly hash: string
  /** By pipeline. */
  readonly totals: Readonly<Record<string, Totals>>
}

/** A POSITION record's value: a version byte, then JSON. */
export function encodePosition(position: Position): Uint8Array {
  return Buffer.concat([Buffer.from([VALUE_VERSION]), Buffer.from(JSON.stringify(position))])
}

/** @throws JoineryError `CHANGELOG_INVALID` for a version that this code does not know, or a record that is damaged. */
export function decodePosition(value: Uint8Array): Position {
  checkValueVersion(value, 'POSITION')
  try {
    return JSON.parse(Buffer.from(value.buffer, value.byteOffset + 1, value.length - 1).toString()) as Position
  } catch (cause) {
    throw new JoineryError('CHANGELOG_INVALID', 'a POSITION record is damaged: reset the application', { cause })
  }
}

/**
 * A digest of inputs, their roles and the names of joins: what committed state depends on.
 *
 * @param kept tables whose rows are kept in the changelog
 */
export function pipelineHash(plan: ApplicationPlan, kept: ReadonlySet<string> = new Set()): string {
  const shape = {
    streams: plan.pipelines.map(({ name, stream, joins }) => [name, stream, joins.map((join) => join.name)]).sort(),
    tables: plan.tables.map(({ topic, start }) => [topic, start, kept.has(topic)]).sort(),
  }
  return createHash('sha256').update(JSON.stringify(shape)).digest('hex').slice(0, 32)
}
