import { type Headers, type Log, read } from '@joinery/core'
import type { Notification, Topics } from './topics.js'

const CONCURRENT_CALLS = 16

/** What service B needs. */
export interface ServiceBOptions {
  readonly log: Pick<Log, 'source'>
  readonly notifications: Topics['notifications']
  /** The external service. */
  readonly url: string
  readonly signal: AbortSignal
}

/**
 * Service B: calls the external service for each notification, in order for each product, until `signal` aborts.
 *
 * A plain caller: it begins at the start of the topic and remembers nothing, so it would call everything a second time
 * after a restart. The id that it sends lets a callee that looks at it refuse a repeated call. To call once whatever
 * happens needs state that is committed with the position, which this service does not have yet.
 *
 * @throws Error when a call fails: repeating it could call twice, going on would never call.
 */
export async function runServiceB({ log, notifications, url, signal }: ServiceBOptions): Promise<void> {
  const open = new Map<string | null, Promise<void>>()
  const failed = new AbortController()
  const until = AbortSignal.any([signal, failed.signal])
  for await (const { key, value, headers } of read(log, notifications, { signal: until })) {
    while (open.has(key)) await open.get(key)
    while (open.size >= CONCURRENT_CALLS) await Promise.race(open.values())
    if (until.aborted) break
    if (value === null) continue
    const call = callService(url, callId(headers), value)
      .catch((error: unknown) => failed.abort(error))
      .finally(() => open.delete(key))
    open.set(key, call)
  }
  await Promise.all(open.values())
  failed.signal.throwIfAborted()
}

async function callService(url: string, id: string, notification: Notification): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': id },
    body: JSON.stringify(notification),
    redirect: 'error',
  })
  await response.arrayBuffer() // frees the connection for the next call
  if (!response.ok) throw new Error(`call ${id} was answered with status ${response.status}`)
}

/** Says which activation it is about: every notification of the same activation has the same `joinery-origin`. */
function callId(headers: Headers): string {
  const origin = headers.findLast(([name]) => name === 'joinery-origin')?.[1]
  if (origin == null) throw new Error('a notification has no joinery-origin header: service A did not write it')
  return Buffer.from(origin).toString()
}
