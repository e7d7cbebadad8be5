import type { SimPipeline } from '../scenario/scenario.js'
import type { Life } from './lives.js'
import type { Violation } from './violation.js'

/** I1 to I3, law 1: each event has one outcome, the one that is due to it, with the commit that says it is done. */
export function eachOnce(
  pipeline: SimPipeline,
  maxResultBytes: number,
  partition: number,
  lives: readonly Life[],
): Violation[] {
  return lives.flatMap((life) => {
    const { outcomes, settled, consumed, fate, entry } = life
    const at = { partition, event: { stream: pipeline.stream, offset: entry.offset } }
    if (outcomes.length > 1) return [{ law: 'I3 no duplicate', text: `has ${outcomes.length} outcomes`, ...at }]
    const [found] = outcomes
    if (found !== undefined && consumed === undefined)
      return [{ law: 'I6 offsets are not behind outcomes', text: 'has an outcome and was not consumed', ...at }]
    if (found !== undefined && found.commit !== settled)
      return [
        {
          law: 'I1 an outcome goes with its commit',
          text: `came with commit ${found.commit}, done with ${settled}`,
          ...at,
        },
      ]
    if (settled === undefined) return []
    const has = found === undefined ? 'dropped' : (found.outcome.reason ?? 'emitted')
    const due = dueOutcomes(pipeline, maxResultBytes, life)
    if (due.includes(has)) return []
    const law = found === undefined ? 'I2 nothing lost' : 'law 1 the outcome that is due'
    return [{ law, text: `was ${has}; due is ${due.join(' or ')} (${fate.does})`, ...at }]
  })
}

/** Reasons of dead letters, `'emitted'` and `'dropped'`, as far as rows do not decide. */
function dueOutcomes({ joins, whenFull }: SimPipeline, maxResultBytes: number, { fate, entry }: Life): string[] {
  // whatever it is, it may have been held behind another of its key, in a room that was full
  const waits = joins.some(({ atMostMs }) => atMostMs !== undefined)
  const full = waits && whenFull === 'dead-letter' && entry.record.key !== null ? ['wait-buffer-full'] : []
  if (fate.does === 'drop') return ['dropped', ...(fate.reason === 'null-value' ? [] : full)]
  if (fate.does === 'dead-letter') return [fate.reason, ...full]
  const isTooLarge = fate.event.pad.length > maxResultBytes - 100
  const emitted = isTooLarge ? 'too-large' : 'emitted'
  if (fate.does === 'emit without rows') return [emitted]
  const mayDrop = joins.some(
    ({ kind, atMostMs, otherwise }) => kind === 'inner' && (atMostMs === undefined || otherwise === 'drop'),
  )
  const mayDie = joins.some(
    ({ kind, atMostMs, otherwise }) => kind === 'inner' && atMostMs !== undefined && otherwise === 'dead-letter',
  )
  return [emitted, ...(mayDrop ? ['dropped'] : []), ...(mayDie ? ['no-row', 'not-ready'] : []), ...full]
}
