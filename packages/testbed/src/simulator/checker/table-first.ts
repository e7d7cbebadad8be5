import type { PipelineContext } from './pipeline-context.js'
import type { TableHistory } from './table-history.js'
import type { Violation } from './violation.js'

/** No event is consumed before its `'table-first'` tables were read to an end that was requested after the task was opened. */
export function tablesComeFirst({ scenario, pipeline, task, tables, lifecycles }: PipelineContext): Violation[] {
  const { stream, joins } = pipeline
  const { partition, commits } = task
  const consuming = new Set(lifecycles.map(({ consumedBy }) => consumedBy))
  const first = scenario.tables.filter(
    ({ name, order }) => order === 'table-first' && joins.some(({ table }) => table === name),
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
    if (!consuming.has(index)) return []
    return first.flatMap(({ name }) => {
      const [next, end] = [nextOf(index, name), endOf(name, openedAt)]
      if (next >= end) return []
      const text = `events of ${stream} were consumed with ${name} read to ${next} of ${end}, at commit ${index}`
      return [{ law: 'table-first order', text, partition }]
    })
  })
}
