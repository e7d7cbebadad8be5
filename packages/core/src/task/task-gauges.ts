import type { CallPipeline } from './calls/call-pipeline.js'
import type { TaskCallState } from './calls/restore-calls.js'
import type { UncommittedWork } from './commit/uncommitted-work.js'
import type { TaskState } from './task-state.js'

/** Sizes of a running task's bounded buffers and caches. */
export function taskGauges(state: TaskState, work: UncommittedWork): Readonly<Record<string, number>> {
  const sum = (of: (pipeline: TaskState['pipelines'][number]) => number) =>
    state.pipelines.reduce((total, pipeline) => total + of(pipeline), 0)
  return {
    waitingRecords: sum(({ operator }) => operator.waiting),
    waitingBytes: sum(({ operator }) => operator.waitingBytes),
    pausedStreams: sum(({ isFull }) => (isFull ? 1 : 0)),
    pausedTables: state.tables.reduce((total, { capacity }) => total + (capacity?.full === undefined ? 0 : 1), 0),
    bufferedRecords: state.inputs.reduce((total, { buffered }) => total + buffered, 0),
    cachedRows: state.tables.reduce((total, { store }) => total + store.rows.cached, 0),
    uncommittedBytes: work.bytes,
    skippedTableRecords: state.tables.reduce((total, { skipped }) => total + skipped, 0),
    ...(state.callState && callGauges(state.callState)),
  }
}

function callGauges({ calls }: TaskCallState): Readonly<Record<string, number>> {
  const sum = (of: (each: CallPipeline) => number) => calls.reduce((total, each) => total + of(each), 0)
  return {
    callsReady: sum(({ operator }) => operator.queue.ready),
    callsReadyBytes: sum(({ operator }) => operator.queue.readyBytes),
    callsClaimed: sum(({ operator }) => operator.queue.claims.size),
    callsInDoubt: sum(({ operator }) => operator.queue.inDoubt),
    callsRunning: sum(({ dispatcher }) => dispatcher.running),
    pausedCallStreams: sum(({ isFull }) => (isFull ? 1 : 0)),
  }
}

/**
 * The age of the oldest waiting event of a pipeline, in milliseconds.
 *
 * @param now anchored time, in milliseconds; waits for calls are measured by the log's clock
 */
export function oldestWaitMs({ pipelines, callState, logTimeMs }: TaskState, pipeline: string, now: number): number {
  const operator = pipelines.find((p) => p.operator.plan.name === pipeline)?.operator
  const calls = callState?.calls.find((c) => c.operator.plan.name === pipeline)?.operator.queue
  const arrival = operator?.oldestArrival ?? calls?.oldestArrival
  return arrival === undefined ? 0 : Math.max(0, (operator === undefined ? logTimeMs() : now) - arrival)
}
