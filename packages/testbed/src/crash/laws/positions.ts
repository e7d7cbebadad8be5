import { type History, inputsOf, isWhole, type Step } from '../history.js'
import type { Violation } from './violation.js'

/** I16: positions never go back nor beyond the end, and every offset before them is a record, a marker, or aborted. */
export function positions({ service, steps, raw }: History): Violation[] {
  const law = 'I16 no silent skip'
  const violations: Violation[] = []
  for (const topic of inputsOf(service)) {
    for (const [partition, batches] of (raw.get(topic) ?? []).entries()) {
      if (topic !== service.information.name && !isWhole(batches))
        violations.push({ law, text: `${topic}[${partition}] has offsets with neither a record nor a marker` })
      const end = (batches.at(-1)?.lastOffset ?? -1) + 1
      const nexts = (steps[partition] ?? []).map(({ position }) => position.inputs[topic]?.next ?? 0)
      nexts.forEach((next, i) => {
        const before = nexts[i - 1] ?? 0
        if (next < before) violations.push({ law, text: `${topic}[${partition}] went back from ${before} to ${next}` })
        if (next > end) violations.push({ law, text: `${topic}[${partition}] is at ${next}, beyond its end ${end}` })
      })
    }
  }
  return violations
}

/** I13: nothing is left to read, and no event is waiting. */
export function drained({ service, records, steps, partitions }: History): Violation[] {
  const law = 'I13 drains after healing'
  return Array.from({ length: partitions }, (_, task): Violation[] => {
    const last: Step | undefined = steps[task]?.at(-1)
    if (last === undefined) return [{ law, text: `task ${task} has no POSITION` }]
    const unread = inputsOf(service).flatMap((topic) => {
      const end = (records.get(topic) ?? []).findLast(({ partition }) => partition === task)?.offset ?? -1
      const next = last.position.inputs[topic]?.next ?? 0
      return next > end ? [] : [{ law, text: `${topic}[${task}] is at ${next}, but its last record is at ${end}` }]
    })
    return last.waiting.size === 0
      ? unread
      : [...unread, { law, text: `${last.waiting.size} events are waiting in task ${task}` }]
  }).flat()
}
