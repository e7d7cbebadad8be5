import { type Call, type CallOnce, json, type Pipeline, stream, text, topic } from '@joinery/core'
import type { SimCalls } from './call-scenario.js'
import { ANSWERS, DOUBTS, hasNoId, isNotAsked, REQUESTS, type SimAnswer, type SimAsk } from './call-values.js'
import { DEAD } from './scenario.js'

/** Makes the one request of a call. */
export type MakesCall = (ask: SimAsk, call: Call<string | null>) => Promise<SimAnswer>

/** The pipeline of calls of a scenario, and what its doubts are asked for by. */
export function callPipeline(
  calls: SimCalls,
  make: MakesCall,
): { readonly once: CallOnce<string, SimAnswer>; readonly pipeline: Pipeline } {
  const requests = topic(REQUESTS, { key: text(), value: json<SimAsk>() })
  const once = stream(requests, { onError: { deadLetter: DEAD } })
    .filter((ask) => !isNotAsked(ask))
    .callOnce(make, {
      inDoubt: { deadLetter: DOUBTS },
      ...(calls.ids === 'by value' && { id: idOf }),
      mode: calls.mode,
      ...(calls.mode === 'at-least-once' && { retryFor: `${calls.retryMs}ms` }),
      whenInDoubt: calls.whenInDoubt,
      concurrency: calls.concurrency,
      timeout: `${calls.timeoutMs}ms`,
      retention: `${calls.retentionMs}ms`,
      maxReady: calls.maxReady,
    })
  const pipeline: Pipeline = calls.hasSink ? once.to(topic(ANSWERS, { key: text(), value: json<SimAnswer>() })) : once
  return { once, pipeline }
}

function idOf(ask: SimAsk): string {
  if (hasNoId(ask)) throw new Error('as the number says')
  return ask.id
}
