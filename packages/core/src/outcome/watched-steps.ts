import type { FilterStep, MapStep } from '../pipeline/description.js'
import type { StepsPlan } from './decode-and-run.js'
import { type RecordWatch, watched, watchedDecoder } from './record-watch.js'

/**
 * The serdes and steps of a plan, which report to a watch that they run. Steps other than `filter` and `mapValues` stay as they are.
 *
 * Plans are changed only for records that are watched: the others have no work with it.
 */
export function watchedSteps<J extends { readonly type: 'join' }>(
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
