import type { SimJoin, SimPipeline } from '../scenario/scenario.js'
import type { Life } from './lives.js'
import { type Outcome, type TaskHistory, textOf } from './log-history.js'
import type { TableHistory } from './table-history.js'
import type { Violation } from './violation.js'

/** I5: what becomes of the events of a key comes in their order, through waiting too; and the rows that they meet do not go back. */
export function keyOrder(
  { stream, joins }: SimPipeline,
  tables: ReadonlyMap<string, TableHistory>,
  { partition, commits }: TaskHistory,
  lives: readonly Life[],
): Violation[] {
  const byKey = new Map<string, Life[]>()
  for (const life of lives) {
    if (life.entry.record.key === null || mayOvertake(life)) continue
    const key = textOf(life.entry.record.key)
    byKey.set(key, [...(byKey.get(key) ?? []), life])
  }
  return [...byKey].flatMap(([key, all]) => {
    const violations: Violation[] = []
    let previous: Life | undefined
    const newest: number[] = []
    for (const life of all) {
      const event = { stream, offset: life.entry.offset }
      const text = previous && isBefore(life, previous)
      if (text) violations.push({ law: 'I5 order of a key', text, partition, event })
      previous = life
      const { commit = 0, outcome } = life.outcomes[0] ?? {}
      outcome?.result?.rows.forEach((version, i) => {
        if (version === null) return
        const before = newest[i] ?? 0
        const name = (joins[i] as SimJoin).table
        const next = commits[commit]?.position.inputs[name]?.next ?? 0
        const isLastLeft = tables.get(name)?.isLastLeft(key, version, next, outcome.entry.at)
        if (version < before && !isLastLeft)
          violations.push({
            law: 'I4 rows never go back',
            text: `met row ${version} after ${before}`,
            partition,
            event,
          })
        newest[i] = Math.max(before, version)
      })
    }
    return violations
  })
}

/** What has no value does not queue; what a full room turns away cannot. */
const mayOvertake = ({ fate, outcomes }: Life): boolean =>
  (fate.does === 'drop' && fate.reason === 'null-value') || outcomes[0]?.outcome.reason === 'wait-buffer-full'

function isBefore(life: Life, previous: Life): string | false {
  if (life.settled === undefined) return false
  if (previous.settled === undefined) return `was done while ${previous.entry.offset} waits`
  if (life.settled < previous.settled) return `was done before ${previous.entry.offset}`
  const [mine, other] = [place(life), place(previous)]
  if (mine === undefined || other === undefined || mine.topic !== other.topic) return false
  if (mine.partition !== other.partition) return `went to another partition than ${previous.entry.offset}`
  return mine.offset < other.offset && `was written before ${previous.entry.offset}`
}

const place = ({ outcomes }: Life): Outcome['entry']['record'] | undefined => outcomes[0]?.outcome.entry.record
