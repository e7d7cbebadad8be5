import { type Call, type CallOnce, json, type Pipeline, stream, text, topic } from '@joinery/core'
import type { SimCalls } from './call-scenario.js'
import {
  hasNoId,
  IN_DOUBT,
  isFilteredRequest,
  REPLIES,
  REQUESTS,
  type SimReply,
  type SimRequest,
} from './call-values.js'
import { DEAD } from './scenario.js'

/** Makes the one request of a call. */
export type SendRequest = (request: SimRequest, call: Call<string | null>) => Promise<SimReply>

/** @returns the pipeline of calls, and the object that identifies its calls in doubt */
export function callPipeline(
  calls: SimCalls,
  send: SendRequest,
): { readonly once: CallOnce<string, SimReply>; readonly pipeline: Pipeline } {
  const requests = topic(REQUESTS, { key: text(), value: json<SimRequest>() })
  const once = stream(requests, { onError: { deadLetter: DEAD } })
    .filter((request) => !isFilteredRequest(request))
    .callOnce(send, {
      inDoubt: { deadLetter: IN_DOUBT },
      ...(calls.ids === 'value' && { id: idOf }),
      mode: calls.mode,
      ...(calls.mode === 'at-least-once' && { retryFor: `${calls.retryMs}ms` }),
      whenInDoubt: calls.whenInDoubt,
      concurrency: calls.concurrency,
      timeout: `${calls.timeoutMs}ms`,
      retention: `${calls.retentionMs}ms`,
      maxReady: calls.maxReady,
    })
  const pipeline: Pipeline = calls.hasSink ? once.to(topic(REPLIES, { key: text(), value: json<SimReply>() })) : once
  return { once, pipeline }
}

function idOf(request: SimRequest): string {
  if (hasNoId(request)) throw new Error('intended exception')
  return request.id
}
