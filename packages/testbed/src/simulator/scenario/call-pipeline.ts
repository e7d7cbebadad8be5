import { type Call, type CallOnce, json, type Pipeline, stream, text, topic } from '@joinery/core'
import type { RunSlowly } from './blocking.js'
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

/** How the pipeline of calls runs. */
export interface CallPipelineOptions {
  readonly send: SendRequest
  /** Whether the stream has `onError: 'halt'`. */
  readonly halts: boolean
  readonly slowly: RunSlowly
}

/** @returns the pipeline of calls, and the object that identifies its calls in doubt */
export function callPipeline(
  calls: SimCalls,
  { send, halts, slowly }: CallPipelineOptions,
): { readonly once: CallOnce<string, SimReply>; readonly pipeline: Pipeline } {
  const serde = json<SimRequest>()
  const decode = (bytes: Uint8Array): SimRequest => {
    const request = serde.decode(bytes)
    slowly('decode', request.number)
    return request
  }
  const requests = topic(REQUESTS, { key: text(), value: { ...serde, decode } })
  const sendSlowly: SendRequest = (request, call) => {
    const reply = send(request, call)
    slowly('call', request.number)
    return reply
  }
  const id = (request: SimRequest): string => {
    slowly('id', request.number)
    return idOf(request)
  }
  const once = stream(requests, { onError: halts ? 'halt' : { deadLetter: DEAD } })
    .filter((request) => {
      slowly('filter', request.number)
      return !isFilteredRequest(request)
    })
    .callOnce(sendSlowly, {
      inDoubt: { deadLetter: IN_DOUBT },
      ...(calls.ids === 'value' && { id }),
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
