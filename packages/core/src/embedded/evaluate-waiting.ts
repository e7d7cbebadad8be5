import { waitingBatches } from '../join/waiting-batches.js'
import { RecordError } from '../outcome/record-error.js'
import { UncommittedWork } from '../task/commit/uncommitted-work.js'
import type { WriteBatch } from '../task/commit/write-batch.js'
import type { JoinPipeline } from '../task/join-pipeline.js'
import type { RecordProcessor } from '../task/record-processor.js'
import type { OperatorState } from './operator-state.js'

/** Options of {@link evaluateWaiting}. */
export interface EvaluateWaitingOptions {
  readonly state: OperatorState
  readonly pipeline: JoinPipeline
  readonly records: RecordProcessor
  /** Receives the effects. */
  readonly batch: WriteBatch
}

/**
 * Evaluates the events that wait when a state is loaded: their deadlines run only after that.
 *
 * @returns the state, with the error of the event that halts, if there is one
 */
export async function evaluateWaiting(options: EvaluateWaitingOptions): Promise<OperatorState> {
  const { state, pipeline, records, batch } = options
  const work = new UncommittedWork(() => batch)
  try {
    for (const keys of waitingBatches(state.join)) await records.evaluate(pipeline, keys, work)
  } catch (error) {
    if (!(error instanceof RecordError)) throw error
    return { ...state, error }
  }
  return state
}
