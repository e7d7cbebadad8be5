import { createHash } from 'node:crypto'
import type { SimCalls } from '../../scenario/call-scenario.js'
import { hasNoId, isFilteredRequest, REQUESTS, type SimRequest } from '../../scenario/call-values.js'
import { type CommittedEntry, headerOf, textOf } from '../log-history.js'

/** What a record should cause according to docs/semantics.md, regardless of the calls that exist already. */
export type ExpectedCall =
  | { readonly type: 'drop'; readonly reason: string }
  | { readonly type: 'dead-letter'; readonly reason: string }
  | { readonly type: 'call'; readonly id: string; readonly fingerprint: string; readonly request: SimRequest }

export function expectedCall({ ids }: SimCalls, { record }: CommittedEntry): ExpectedCall {
  if (record.value === null) return { type: 'drop', reason: 'null-value' }
  const request = requestOf(record.value)
  if (request === undefined) return { type: 'dead-letter', reason: 'undecodable' }
  if (isFilteredRequest(request)) return { type: 'drop', reason: 'filtered' }
  const fingerprint = fingerprintOf(record)
  if (ids === 'value') {
    if (hasNoId(request)) return { type: 'dead-letter', reason: 'function-threw' }
    return { type: 'call', id: request.id, fingerprint, request }
  }
  const own = `${REQUESTS}/${record.partition}/${record.offset}`
  return { type: 'call', id: headerOf(record, 'joinery-origin') ?? own, fingerprint, request }
}

function requestOf(value: Uint8Array): SimRequest | undefined {
  try {
    return JSON.parse(textOf(value)) as SimRequest
  } catch {
    return undefined
  }
}

/** SHA-256 of key and value, each with its length, as docs/changelog-format.md specifies. */
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
