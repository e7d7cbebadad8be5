import type { Report } from '../changelog/report-record.js'
import type { CallEvent } from '../outcome/effects.js'
import type { Settlement } from './settle.js'

/** @returns the events of a report that was applied, or that was ignored although it contradicts what is known */
export function callEvents(
  about: Omit<CallEvent, 'type' | 'reason'>,
  settled: Settlement,
  { outcome, why, by, decision }: Report,
): CallEvent[] {
  if (settled.type === 'stale') return []
  if (settled.type === 'contradiction') return [{ ...about, type: 'call-contradiction', reason: why ?? outcome }]
  const events: CallEvent[] = []
  const { type, call } = settled
  if (type === 'publish' && call.state === 'in-doubt') events.push({ ...about, type: 'in-doubt', reason: call.why })
  if (by === 'person' && decision !== undefined)
    events.push({
      ...about,
      type: 'call-resolved',
      reason: `${decision.decidedBy} decided ${outcome}: ${decision.reason}`,
    })
  return events
}
