import { earliest } from '../earliest.js'
import { dueBatches } from '../join/waiting-batches.js'
import type { UncommittedWork } from '../task/commit/uncommitted-work.js'
import type { JoinPipeline } from '../task/join-pipeline.js'
import type { RecordProcessor } from '../task/record-processor.js'
import type { OperatorState } from './operator-state.js'

/** Options of {@link expireEvents}. */
export interface ExpireOptions {
  readonly state: OperatorState
  readonly pipeline: JoinPipeline
  readonly records: RecordProcessor
  readonly work: UncommittedWork
}

/** Lets events expire at tables that have been processed to the requested end offset. */
export async function expireEvents({ state, pipeline, records, work }: ExpireOptions): Promise<void> {
  const { join, next, ends } = state
  for (const [index, { requestedAt, end = Number.POSITIVE_INFINITY }] of ends) {
    const topic = pipeline.tables[index]?.plan.topic ?? ''
    if ((next.get(topic) ?? 0) < end) continue
    ends.delete(index)
    for (const due of dueBatches(join, index, requestedAt)) await records.evaluate(pipeline, due, work)
  }
}

/**
 * The earliest deadline of waiting events, in anchored time.
 *
 * @param tables the number of tables that the pipeline joins; a table whose end offset is awaited needs no further
 * request
 */
export function earliestDeadline({ join, ends }: OperatorState, tables: number): number | undefined {
  return earliest(
    Array.from({ length: tables }, (_, index) => (ends.has(index) ? undefined : join.nextDeadline(index))),
  )
}
