import type { SimPipeline } from '../scenario/scenario.js'
import { isFiltered, type SimEvent, throws } from '../scenario/values.js'
import { type CommittedEntry, textOf } from './log-history.js'

/** The outcome of an event according to docs/semantics.md, or `join` if it depends on the rows. */
export type ExpectedOutcome =
  | { readonly type: 'drop'; readonly reason: string }
  | { readonly type: 'dead-letter'; readonly reason: string }
  | { readonly type: 'emit-without-rows'; readonly event: SimEvent }
  | { readonly type: 'join'; readonly event: SimEvent }

export function expectedOutcome(pipeline: SimPipeline, { record }: CommittedEntry): ExpectedOutcome {
  if (record.value === null) return { type: 'drop', reason: 'null-value' }
  const event = eventOf(record.value)
  if (event === undefined) return { type: 'dead-letter', reason: 'undecodable' }
  if (isFiltered(pipeline, event)) return { type: 'drop', reason: 'filtered' }
  if (throws(event)) return { type: 'dead-letter', reason: 'function-threw' }
  if (record.key !== null) return { type: 'join', event }
  const isDropped = pipeline.joins.some(({ kind }) => kind === 'inner')
  return isDropped ? { type: 'drop', reason: 'null-key' } : { type: 'emit-without-rows', event }
}

function eventOf(value: Uint8Array): SimEvent | undefined {
  try {
    return JSON.parse(textOf(value)) as SimEvent
  } catch {
    return undefined
  }
}
