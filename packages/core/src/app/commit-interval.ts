import { durationMs } from '../duration.js'
import { JoineryError } from '../errors.js'
import type { CommitInterval } from '../task/commit/commit-schedule.js'
import { checkOptionNames } from '../unknown-options.js'
import type { RunOptions } from './run-options.js'

const DEFAULT_MIN = '20ms'
const DEFAULT_MAX = '100ms'
const NAMES = { min: true, max: true } as const

/**
 * @returns the commit interval that an option describes
 * @throws JoineryError `OPTION_INVALID`
 */
export function commitInterval(commitEvery: RunOptions['commitEvery'] = {}): CommitInterval {
  if (typeof commitEvery !== 'object') return { minMs: undefined, maxMs: durationMs(commitEvery, 'commitEvery') }
  checkOptionNames('commitEvery', commitEvery, NAMES)
  const maxMs = durationMs(commitEvery.max ?? DEFAULT_MAX, 'commitEvery.max')
  const minMs = durationMs(commitEvery.min ?? Math.min(durationMs(DEFAULT_MIN), maxMs), 'commitEvery.min')
  if (minMs > maxMs)
    throw new JoineryError('OPTION_INVALID', `commitEvery.min is ${minMs} ms, which is longer than max, ${maxMs} ms`)
  return { minMs, maxMs }
}
