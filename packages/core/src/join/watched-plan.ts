import { type RecordWatch, watched, watchedDecoder } from '../outcome/record-watch.js'
import { watchedSteps } from '../outcome/watched-steps.js'
import type { JoinPlan, PipelinePlan } from '../pipeline/plan.js'

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

function watchedJoin(join: JoinPlan, watch: RecordWatch): JoinPlan {
  const { name, joiner, wait } = join
  const ready = wait?.ready && watched(wait.ready, `wait.ready of join ${name}`, watch)
  return {
    ...join,
    joiner: watched(joiner, `the joiner of join ${name}`, watch),
    wait: wait && { ...wait, ...(ready && { ready }) },
  }
}
