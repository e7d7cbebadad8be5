import type { PipelineContext } from './pipeline-context.js'
import type { Violation } from './violation.js'

/** I12: the events that wait at a commit are within the bounds. */
export function waitBuffersAreBounded({ pipeline, task, lifecycles }: PipelineContext): Violation[] {
  const { stream, joins, maxRecords, maxKiB } = pipeline
  const { partition, commits } = task
  // a join without `wait` has no bounds: after a restart it keeps events until it has caught up
  if (joins.some(({ atMostMs }) => atMostMs === undefined)) return []
  const changes = commits.map(() => ({ records: 0, bytes: 0 }))
  for (const { waitsFrom, settledBy, bytes } of lifecycles) {
    const added = waitsFrom === undefined ? undefined : changes[waitsFrom]
    if (added === undefined) continue
    added.records++
    added.bytes += bytes
    const removed = settledBy === undefined ? undefined : changes[settledBy]
    if (removed === undefined) continue
    removed.records--
    removed.bytes -= bytes
  }
  let [records, sum] = [0, 0]
  for (const [index, change] of changes.entries()) {
    records += change.records
    sum += change.bytes
    if (records > Math.max(1, maxRecords) || (records > 1 && sum > maxKiB * 1024)) {
      const text = `${records} events of ${stream} with ${sum} bytes are waiting at commit ${index}`
      return [{ law: 'I12 bounded memory', text, partition }]
    }
  }
  return []
}
