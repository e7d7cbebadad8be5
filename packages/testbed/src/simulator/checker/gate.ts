import type { Scenario, SimPipeline } from '../scenario/scenario.js'
import type { Life } from './lives.js'
import type { TaskHistory } from './log-history.js'
import type { TableHistory } from './table-history.js'
import type { Violation } from './violation.js'

/** No event is taken before its `'table-first'` tables were read to an end that was requested after the task was opened. */
export function tablesFirst(
  { tables: described }: Scenario,
  { stream, joins }: SimPipeline,
  { partition, commits }: TaskHistory,
  tables: ReadonlyMap<string, TableHistory>,
  lives: readonly Life[],
): Violation[] {
  const taken = new Set(lives.map(({ consumed }) => consumed))
  const first = described.filter(
    ({ name, start }) => start === 'table-first' && joins.some(({ table }) => table === name),
  )
  const ends = new Map<string, number>()
  const endOf = (name: string, time: number): number => {
    const id = `${name} ${time}`
    const end = ends.get(id) ?? (tables.get(name) as TableHistory).stableEndAt(time)
    ends.set(id, end)
    return end
  }
  const nextOf = (index: number, topic: string): number => commits[index]?.position.inputs[topic]?.next ?? 0
  return commits.flatMap(({ index, openedAt }) => {
    if (!taken.has(index)) return []
    return first.flatMap(({ name }) => {
      const [next, end] = [nextOf(index, name), endOf(name, openedAt)]
      if (next >= end) return []
      const text = `events of ${stream} were taken with ${name} read to ${next} of ${end}, at commit ${index}`
      return [{ law: 'tables come first', text, partition }]
    })
  })
}
