import { JoineryError } from './errors.js'

/**
 * A length of time: a number of milliseconds, or a number with a unit, such as `'30m'`. Units are `ms`, `s`, `m`, `h`
 * and `d`.
 */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** An amount of data: a number of bytes, or a number with a unit, such as `'64MiB'`. Units are `KiB`, `MiB` and `GiB`. */
export type Size = number | `${number}${'KiB' | 'MiB' | 'GiB'}`

const DURATION = {
  base: 'milliseconds',
  units: { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 },
  example: "'30s' or '1.5h'",
} as const
const SIZE = {
  base: 'bytes',
  units: { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 },
  example: "'64MiB'",
} as const

interface Quantity {
  /** What a number without a unit counts. */
  readonly base: string
  readonly units: Readonly<Record<string, number>>
  readonly example: string
}

/**
 * Checks a duration that comes from configuration.
 *
 * @returns the text itself, as a {@link Duration}
 * @throws JoineryError `OPTION_INVALID` if it is not a number with one of the units ms, s, m, h, d
 *
 * @example
 * ```ts
 * const atMost = duration(process.env.WAIT_AT_MOST ?? '30m')
 * ```
 */
export function duration(text: string): Duration {
  if (typeof text !== 'string') throw invalid(text, 'duration', DURATION)
  durationMs(text)
  return text as Duration
}

/**
 * Converts a duration to milliseconds. For the options of your own log or state stores.
 *
 * @param option what the duration configures, for the error message
 * @returns milliseconds, at least 0, not necessarily a whole number
 * @throws JoineryError `OPTION_INVALID` if it is not a {@link Duration}
 *
 * @example
 * ```ts
 * import { durationMs } from '@joinery/core/log'
 *
 * console.log(durationMs('1.5s', 'timeout')) // 1500
 * console.log(durationMs(250, 'timeout')) // 250
 * ```
 */
export function durationMs(value: Duration | string, option = 'duration'): number {
  return parse(value, option, DURATION)
}

/**
 * Converts a size to bytes. For the options of your own log or state stores.
 *
 * @param option what the size configures, for the error message
 * @returns a whole number of bytes, at least 0
 * @throws JoineryError `OPTION_INVALID` if it is not a {@link Size}
 *
 * @example
 * ```ts
 * import { sizeBytes } from '@joinery/core/log'
 *
 * console.log(sizeBytes('0.5KiB', 'maxBytes')) // 512
 * console.log(sizeBytes(10_000, 'maxBytes')) // 10000
 * ```
 */
export function sizeBytes(value: Size | string, option = 'size'): number {
  return Math.floor(parse(value, option, SIZE))
}

function parse(value: unknown, option: string, quantity: Quantity): number {
  const amount = typeof value === 'string' ? amountOf(value, quantity.units) : value
  if (typeof amount !== 'number' || !Number.isFinite(amount) || amount < 0) throw invalid(value, option, quantity)
  return amount
}

/** `NaN` unless the text is a decimal number followed by a known unit. */
function amountOf(text: string, units: Readonly<Record<string, number>>): number {
  const [, number, name = ''] = /^(\d+(?:\.\d+)?)([A-Za-z]+)$/.exec(text) ?? []
  return Object.hasOwn(units, name) ? Number(number) * (units[name] as number) : Number.NaN
}

function invalid(value: unknown, option: string, { base, units, example }: Quantity): JoineryError {
  const found = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return new JoineryError(
    'OPTION_INVALID',
    `${option} is ${found}: use a number of ${base}, or a number with one of the units ${Object.keys(units).join(', ')}, such as ${example}`,
  )
}
