import type { SimJoin } from '../scenario/scenario.js'
import type { EventLifecycle } from './event-lifecycle.js'
import { type Outcome, textOf } from './log-history.js'
import type { PipelineContext } from './pipeline-context.js'
import type { Violation } from './violation.js'

/** I5: the outcomes of a key come in the order of its events, even if they wait; the rows that they are joined with never go back. */
export function keyOrder({ pipeline, task, tables, lifecycles }: PipelineContext): Violation[] {
  const { stream, joins } = pipeline
  const { partition, commits } = task
  const byKey = new Map<string, EventLifecycle[]>()
  for (const lifecycle of lifecycles) {
    if (lifecycle.entry.record.key === null || mayOvertake(lifecycle)) continue
    const key = textOf(lifecycle.entry.record.key)
    byKey.set(key, [...(byKey.get(key) ?? []), lifecycle])
  }
  return [...byKey].flatMap(([key, all]) => {
    const violations: Violation[] = []
    let previous: EventLifecycle | undefined
    const newest: number[] = []
    for (const lifecycle of all) {
      const event = { stream, offset: lifecycle.entry.offset }
      const text = previous && isBefore(lifecycle, previous)
      if (text) violations.push({ law: 'I5 order of a key', text, partition, event })
      previous = lifecycle
      const { commit = 0, outcome } = lifecycle.outcomes[0] ?? {}
      outcome?.result?.rows.forEach((version, i) => {
        if (version === null) return
        const before = newest[i] ?? 0
        const name = (joins[i] as SimJoin).table
        const next = commits[commit]?.position.inputs[name]?.next ?? 0
        const isLastLeft = tables.get(name)?.isLastSurvivor(key, version, next, outcome.entry.at)
        if (version < before && !isLastLeft)
          violations.push({
            law: 'I4 rows never go back',
            text: `joined row ${version} after ${before}`,
            partition,
            event,
          })
        newest[i] = Math.max(before, version)
      })
    }
    return violations
  })
}

/** Events without a value do not wait in order, nor do those that a full buffer rejects. */
const mayOvertake = ({ expected, outcomes }: EventLifecycle): boolean =>
  (expected.type === 'drop' && expected.reason === 'null-value') || outcomes[0]?.outcome.reason === 'wait-buffer-full'

function isBefore(lifecycle: EventLifecycle, previous: EventLifecycle): string | false {
  if (lifecycle.settledBy === undefined) return false
  if (previous.settledBy === undefined) return `was settled while ${previous.entry.offset} is waiting`
  if (lifecycle.settledBy < previous.settledBy) return `was settled before ${previous.entry.offset}`
  const [mine, other] = [place(lifecycle), place(previous)]
  if (mine === undefined || other === undefined || mine.topic !== other.topic) return false
  if (mine.partition !== other.partition) return `went to another partition than ${previous.entry.offset}`
  return mine.offset < other.offset && `was written before ${previous.entry.offset}`
}

const place = ({ outcomes }: EventLifecycle): Outcome['entry']['record'] | undefined =>
  outcomes[0]?.outcome.entry.record
