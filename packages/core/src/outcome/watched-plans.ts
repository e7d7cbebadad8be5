import type { CallPlan } from '../pipeline/call-plan.js'
import type { FilterStep, MapStep } from '../pipeline/description.js'
import type { JoinPlan, PipelinePlan } from '../pipeline/plan.js'
import type { StepsPlan } from './decode-and-run.js'
import { type RecordWatch, watched, watchedDecoder } from './record-watch.js'

// Only watched records use these plans, so that the others have no overhead.

/** @returns the plan with functions and serdes that report to a watch that they run */
export function watchedPlan(plan: PipelinePlan, watch: RecordWatch): PipelinePlan {
  const { key, value, steps } = watchedSteps<JoinPlan>(plan, watch)
  const { encode } = plan
  return {
    ...plan,
    key,
    value,
    steps: steps.map((step) => (step.type === 'join' ? watchedJoin(step, watch) : step)),
    tables: plan.tables.map((table) => ({
      ...table,
      value: watchedDecoder(table.value, `the value decoder of table ${table.topic}`, watch),
    })),
    encode: { format: encode.format, encode: watched((result) => encode.encode(result), 'the encoder', watch) },
  }
}

/** @returns the plan with functions and serdes that report to a watch that they run, up to the call */
export function watchedCallPlan(plan: CallPlan, watch: RecordWatch): CallPlan {
  const { key, value, steps } = watchedSteps<never>(plan, watch)
  return { ...plan, key, value, steps, id: plan.id && watched(plan.id, 'the function of callOnce: id', watch) }
}

/** Steps other than `filter` and `mapValues` stay as they are. */
function watchedSteps<J extends { readonly type: 'join' }>(
  { key, value, steps }: Pick<StepsPlan<J>, 'key' | 'value' | 'steps'>,
  watch: RecordWatch,
): Pick<StepsPlan<J>, 'key' | 'value' | 'steps'> {
  return {
    key: watchedDecoder(key, 'the key decoder', watch),
    value: watchedDecoder(value, 'the value decoder', watch),
    steps: steps.map((step): FilterStep | MapStep | J => {
      if (step.type === 'filter') return { ...step, test: watched(step.test, 'the function of filter', watch) }
      if (step.type === 'mapValues') return { ...step, map: watched(step.map, 'the function of mapValues', watch) }
      return step
    }),
  }
}

function watchedJoin(join: JoinPlan, watch: RecordWatch): JoinPlan {
  const { name, joiner, wait } = join
  const ready = wait?.ready && watched(wait.ready, `wait.ready of join ${name}`, watch)
  return {
    ...join,
    joiner: watched(joiner, `the joiner of join ${name}`, watch),
    wait: wait && { ...wait, ...(ready && { ready }) },
  }
}
