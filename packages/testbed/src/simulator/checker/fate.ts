import type { SimPipeline } from '../scenario/scenario.js'
import { isFiltered, type SimEvent, throws } from '../scenario/values.js'
import { type CommittedEntry, textOf } from './log-history.js'

/** What docs/semantics.md says of an event, whatever rows there are; or that its rows decide. */
export type Fate =
  | { readonly does: 'drop'; readonly reason: string }
  | { readonly does: 'dead-letter'; readonly reason: string }
  | { readonly does: 'emit without rows'; readonly event: SimEvent }
  | { readonly does: 'join'; readonly event: SimEvent }

export function fateOf(pipeline: SimPipeline, { record }: CommittedEntry): Fate {
  if (record.value === null) return { does: 'drop', reason: 'null-value' }
  const event = eventOf(record.value)
  if (event === undefined) return { does: 'dead-letter', reason: 'undecodable' }
  if (isFiltered(pipeline, event)) return { does: 'drop', reason: 'filtered' }
  if (throws(event)) return { does: 'dead-letter', reason: 'function-threw' }
  if (record.key !== null) return { does: 'join', event }
  const isDropped = pipeline.joins.some(({ kind }) => kind === 'inner')
  return isDropped ? { does: 'drop', reason: 'null-key' } : { does: 'emit without rows', event }
}

function eventOf(value: Uint8Array): SimEvent | undefined {
  try {
    return JSON.parse(textOf(value)) as SimEvent
  } catch {
    return undefined
  }
}
