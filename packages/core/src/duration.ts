import { JoineryError } from './errors.js'

/** A length of time with its unit, such as `'30m'`: milliseconds, seconds, minutes, hours, or days. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** A number of bytes with its unit, such as `'64MiB'`. */
export type Size = `${number}${'KiB' | 'MiB' | 'GiB'}`

const DURATION = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const SIZE = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const

/**
 * Checks a duration that comes from configuration.
 *
 * @throws JoineryError `OPTION_INVALID` if it is not a number with one of the units ms, s, m, h, d.
 *
 * @example
 * ```ts
 * const atMost = duration(process.env.WAIT_AT_MOST ?? '30m')
 * ```
 */
export function duration(text: string): Duration {
  durationMs(text)
  return text as Duration
}

/** Milliseconds of a duration; `OPTION_INVALID` if it is none. */
export function durationMs(text: string, option = 'duration'): number {
  return parse(text, DURATION, option, "'30s' or '1.5h'")
}

/** Bytes of a size; `OPTION_INVALID` if it is none. */
export function sizeBytes(text: string, option = 'size'): number {
  return Math.floor(parse(text, SIZE, option, "'64MiB'"))
}

function parse(text: unknown, units: Readonly<Record<string, number>>, option: string, example: string): number {
  const match = typeof text === 'string' ? /^(\d+(?:\.\d+)?)([A-Za-z]+)$/.exec(text) : null
  const unit = match?.[2] === undefined ? undefined : units[match[2]]
  const value = Number(match?.[1]) * (unit ?? Number.NaN)
  if (!Number.isFinite(value)) {
    const known = Object.keys(units).join(', ')
    throw new JoineryError(
      'OPTION_INVALID',
      `${option} is ${typeof text === 'string' ? JSON.stringify(text) : String(text)}: write a number with one of the units ${known}, such as ${example}`,
    )
  }
  return value
}
