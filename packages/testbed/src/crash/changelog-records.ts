import { Cursor } from '../wire/cursor.js'

/** A POSITION record's value. */
export interface Position {
  readonly at: number
  readonly inputs: Readonly<Record<string, { readonly id: string; readonly next: number }>>
  readonly totals: Readonly<Record<string, PipelineTotals>>
}

/** What became of a pipeline's records. */
export interface PipelineTotals {
  readonly in: number
  readonly emitted: number
  readonly waiting: number
  readonly dropped: Readonly<Record<string, number>>
  readonly deadLettered: Readonly<Record<string, number>>
  readonly joined: Readonly<Record<string, number>>
  readonly unmatched: Readonly<Record<string, number>>
}

/** What a changelog record says; read from docs/changelog-format.md, and not with the code that wrote it. */
export type ChangelogEntry =
  | { readonly kind: 'owner' }
  | { readonly kind: 'position'; readonly position: Position }
  | {
      readonly kind: 'waiter'
      readonly pipeline: string
      readonly offset: number
      /** When it began to wait; `undefined`: it does not wait any more. */
      readonly arrival: number | undefined
    }
  | { readonly kind: 'row'; readonly table: string; readonly key: string; readonly value: string | null }

const OWNER = 0
const POSITION = 1
const WAITER = 2
const ROW = 3
const VERSION = 1

/** Reads one. */
export function changelogEntry(key: Buffer, value: Buffer | null): ChangelogEntry {
  const cursor = new Cursor(key)
  const format = cursor.int8()
  const kind = cursor.int8()
  if (format !== 1) throw new Error(`a changelog key has format ${format}`)
  if (value !== null && value[0] !== VERSION) throw new Error(`a changelog value has version ${value[0]}`)
  if (kind === OWNER) return { kind: 'owner' }
  if (kind === POSITION) {
    if (value === null) throw new Error('POSITION was deleted')
    return { kind: 'position', position: JSON.parse(value.toString('utf8', 1)) as Position }
  }
  const name = cursor.string()
  if (kind === WAITER)
    return { kind: 'waiter', pipeline: name, offset: cursor.int64(), arrival: value?.readDoubleBE(1) }
  if (kind === ROW)
    return {
      kind: 'row',
      table: name,
      key: cursor.bytes(cursor.left).toString(),
      value: value === null ? null : value.toString('utf8', 1),
    }
  throw new Error(`a changelog key has kind ${kind}`)
}
