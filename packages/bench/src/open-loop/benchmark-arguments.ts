import type { BenchmarkOptions } from './benchmark.js'
import type { RateOptions } from './measure-rate.js'

/** The command-line options of all benchmarks at a constant rate. */
export const COMMON_ARGUMENTS = {
  runs: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '30' },
  'warm-up': { type: 'string', default: '10' },
  'broker-warm-up': { type: 'string', default: '30' },
  rows: { type: 'string', default: '100000' },
  core: { type: 'string' },
  results: { type: 'string' },
} as const

/** The values of {@link COMMON_ARGUMENTS}, and of the resolution, whose default differs. */
export interface CommonValues {
  readonly runs: string
  readonly seconds: string
  readonly 'warm-up': string
  readonly 'broker-warm-up': string
  readonly rows: string
  readonly core?: string | undefined
  readonly results?: string | undefined
  readonly 'resolution-ms': string
}

/** The common options of a benchmark, as numbers. */
export interface CommonOptions extends BenchmarkOptions, Omit<RateOptions, 'rate'> {
  readonly runs: number
}

/** @throws Error if a value is not a number of the allowed range */
export function commonOptions(values: CommonValues): CommonOptions {
  return {
    runs: numberOf('runs', values.runs, 1),
    seconds: numberOf('seconds', values.seconds, 1),
    warmUpSeconds: numberOf('warm-up', values['warm-up'], 0),
    brokerWarmUpSeconds: numberOf('broker-warm-up', values['broker-warm-up'], 0),
    rows: numberOf('rows', values.rows, 1),
    resolutionMs: numberOf('resolution-ms', values['resolution-ms'], 1),
    core: values.core,
    results: values.results,
  }
}

/** @returns the numbers of a comma-separated list */
export const numbersOf = (name: string, text: string, min: number): number[] =>
  text.split(',').map((each) => numberOf(name, each, min))

/** @returns a number that is at least `min` */
export function numberOf(name: string, text: string, min: number): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= min)) throw new Error(`--${name} is ${text}: use a number of at least ${min}`)
  return value
}
