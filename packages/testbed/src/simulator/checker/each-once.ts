import type { Scenario, SimPipeline } from '../scenario/scenario.js'
import { isRefused } from '../scenario/values.js'
import type { EventLifecycle } from './event-lifecycle.js'
import type { PipelineContext } from './pipeline-context.js'
import type { Violation } from './violation.js'

/** I1 to I3, law 1: each event has exactly one outcome, the expected one, written with the commit that settles the event. */
export function eachOnce({
  scenario,
  pipeline,
  task: { partition },
  lifecycles,
  blocking,
}: PipelineContext): Violation[] {
  return lifecycles.flatMap((lifecycle) => {
    const { outcomes, settledBy, consumedBy, expected, entry } = lifecycle
    const at = { partition, event: { stream: pipeline.stream, offset: entry.offset } }
    if (outcomes.length > 1) return [{ law: 'I3 no duplicate', text: `has ${outcomes.length} outcomes`, ...at }]
    const [found] = outcomes
    if (found !== undefined && consumedBy === undefined)
      return [{ law: 'I6 offsets are not behind outcomes', text: 'has an outcome but was not consumed', ...at }]
    if (found !== undefined && found.commit !== settledBy)
      return [
        {
          law: 'I1 an outcome is written with its commit',
          text: `outcome in commit ${found.commit}, settled by ${settledBy}`,
          ...at,
        },
      ]
    if (settledBy === undefined) return []
    const actual = found === undefined ? 'dropped' : (found.outcome.reason ?? 'emitted')
    const mayBlock =
      blocking?.topic === pipeline.stream && blocking.partition === partition && blocking.offset === entry.offset
    const allowed = [...allowedOutcomes(pipeline, scenario, lifecycle), ...(mayBlock ? ['function-blocked'] : [])]
    if (allowed.includes(actual)) return []
    const law = found === undefined ? 'I2 nothing lost' : 'law 1 the expected outcome'
    return [{ law, text: `was ${actual}; expected ${allowed.join(' or ')} (${expected.type})`, ...at }]
  })
}

/** @returns reasons of dead letters, `'emitted'` and `'dropped'`, as far as they do not depend on rows */
function allowedOutcomes(
  { joins, whenFull }: SimPipeline,
  { maxResultBytes, refuses }: Scenario,
  { expected, entry }: EventLifecycle,
): string[] {
  // any event may have had to wait behind another one of its key, in a full buffer
  const waits = joins.some(({ atMostMs }) => atMostMs !== undefined)
  const bufferFull = waits && whenFull === 'dead-letter' && entry.record.key !== null ? ['wait-buffer-full'] : []
  if (expected.type === 'drop') return ['dropped', ...(expected.reason === 'null-value' ? [] : bufferFull)]
  if (expected.type === 'dead-letter') return [expected.reason, ...bufferFull]
  const isTooLarge = expected.event.pad.length > maxResultBytes - 100
  const isRefusal = refuses !== undefined && isRefused(expected.event)
  const emitted = isTooLarge ? 'too-large' : isRefusal ? 'refused' : 'emitted'
  if (expected.type === 'emit-without-rows') return [emitted]
  const mayDrop = joins.some(
    ({ kind, atMostMs, otherwise }) => kind === 'inner' && (atMostMs === undefined || otherwise === 'drop'),
  )
  const mayDeadLetter = joins.some(
    ({ kind, atMostMs, otherwise }) => kind === 'inner' && atMostMs !== undefined && otherwise === 'dead-letter',
  )
  return [emitted, ...(mayDrop ? ['dropped'] : []), ...(mayDeadLetter ? ['no-row', 'not-ready'] : []), ...bufferFull]
}
