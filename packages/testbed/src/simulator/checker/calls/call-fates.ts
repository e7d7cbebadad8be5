import { createHash } from 'node:crypto'
import type { SimCalls } from '../../scenario/call-scenario.js'
import { hasNoId, isNotAsked, REQUESTS, type SimAsk } from '../../scenario/call-values.js'
import { type CommittedEntry, headerOf, textOf } from '../log-history.js'

/** What docs/semantics.md says of a record that asks for a call, whatever calls are known already. */
export type CallFate =
  | { readonly does: 'drop'; readonly reason: string }
  | { readonly does: 'dead-letter'; readonly reason: string }
  | { readonly does: 'call'; readonly id: string; readonly fingerprint: string; readonly ask: SimAsk }

export function callFateOf({ ids }: SimCalls, { record }: CommittedEntry): CallFate {
  if (record.value === null) return { does: 'drop', reason: 'null-value' }
  const ask = askOf(record.value)
  if (ask === undefined) return { does: 'dead-letter', reason: 'undecodable' }
  if (isNotAsked(ask)) return { does: 'drop', reason: 'filtered' }
  const fingerprint = fingerprintOf(record)
  if (ids === 'by value') {
    if (hasNoId(ask)) return { does: 'dead-letter', reason: 'function-threw' }
    return { does: 'call', id: ask.id, fingerprint, ask }
  }
  const own = `${REQUESTS}/${record.partition}/${record.offset}`
  return { does: 'call', id: headerOf(record, 'joinery-origin') ?? own, fingerprint, ask }
}

function askOf(value: Uint8Array): SimAsk | undefined {
  try {
    return JSON.parse(textOf(value)) as SimAsk
  } catch {
    return undefined
  }
}

/** SHA-256 over key and value, each with its length, as docs/changelog-format.md says. */
function fingerprintOf({ key, value }: CommittedEntry['record']): string {
  const hash = createHash('sha256')
  for (const part of [key, value]) {
    const length = Buffer.alloc(4)
    length.writeInt32BE(part?.length ?? -1)
    hash.update(length)
    hash.update(part ?? '')
  }
  return hash.digest('base64url')
}
