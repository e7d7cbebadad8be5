import { parseArgs } from 'node:util'
import { type Duration, duration, isJoineryError } from '@joinery/core'

/** The options of the demo. */
export interface DemoOptions {
  readonly activations: number
  /** How long an activation waits for its information. */
  readonly atMost: Duration
  readonly seed: number
  /** `undefined`: the embedded log; empty: a Kafka that the demo starts. */
  readonly kafka: readonly string[] | undefined
  /** Whether topics that were created on your Kafka are deleted at the end. */
  readonly clean: boolean
  readonly json: boolean
}

/** A parsed command line; `usage` is a mistake in it. */
export type CommandLine =
  | { readonly command: 'run'; readonly options: DemoOptions }
  | { readonly command: 'help' }
  | { readonly command: 'usage'; readonly problem: string }

const MAX_ACTIVATIONS = 1_000_000
const MAX_SEED = 2 ** 32 - 1

export const HELP: string = `Usage: npm run demo -- [options]

Service A joins product activations with the information about their product, and keeps those whose information is
missing. Service B calls a REST service for each, once: the service fails in every way, and service B is stopped in the
middle of a call. The demo sends traffic through both, shows the outcomes, and checks the accounting against the records
in the topics and the REST service's own log.

  --activations N      how many activations are sent, 1 to ${MAX_ACTIVATIONS} (default 300)
  --at-most DURATION   how long an activation waits for its information, such as 2s (default), from 200ms to 5m
  --seed N             another order of the traffic (default 1)
  --kafka [BROKERS]    on Kafka instead of in one process: host:port,host:port; without brokers, on KAFKA_BROKERS,
                       else on one that is started for the demo (Docker, or Java 17 and Maven)
  --clean              deletes the demo's topics at the end (a Kafka started for the demo leaves nothing anyway)
  --json               one JSON object on standard output, everything else on standard error
  --help

Exit codes: 0 all is accounted for; 1 something disagrees, or failed; 2 wrong usage; 130 interrupted (accounting so far).
`

/** Reads the command line. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  try {
    return parse(args)
  } catch (error) {
    if (error instanceof Usage || isJoineryError(error, 'OPTION_INVALID') || isParseArgsError(error))
      return { command: 'usage', problem: error.message }
    throw error
  }
}

class Usage extends Error {}

function parse(args: readonly string[]): CommandLine {
  const { values } = parseArgs({
    args: args.map((arg, i) => (arg === '--kafka' && !isValue(args[i + 1]) ? '--kafka=' : arg)),
    options: {
      activations: { type: 'string', default: '300' },
      'at-most': { type: 'string', default: '2s' },
      seed: { type: 'string', default: '1' },
      kafka: { type: 'string' },
      clean: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return { command: 'help' }
  return {
    command: 'run',
    options: {
      activations: wholeNumber('--activations', values.activations, 1, MAX_ACTIVATIONS),
      atMost: waitingTime(values['at-most']),
      seed: wholeNumber('--seed', values.seed, 0, MAX_SEED),
      kafka: values.kafka === undefined ? undefined : brokers(values.kafka),
      clean: values.clean,
      json: values.json,
    },
  }
}

const isValue = (arg: string | undefined): boolean => arg !== undefined && !arg.startsWith('-')

const isParseArgsError = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw new Usage(`${option} is ${JSON.stringify(text)}: use a whole number from ${least} to ${most}`)
}

function waitingTime(text: string): Duration {
  const value = duration(text)
  const ms = milliseconds(value)
  if (ms >= 200 && ms <= 300_000) return value
  throw new Usage(`--at-most is ${JSON.stringify(text)}: use a duration from 200ms to 5m`)
}

const UNIT_MS: Readonly<Record<string, number>> = { '': 1, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A duration in milliseconds. */
export function milliseconds(value: Duration): number {
  const text = String(value)
  return Number.parseFloat(text) * (UNIT_MS[text.replace(/^[\d.]+/, '')] ?? Number.NaN)
}

function brokers(text: string): readonly string[] {
  if (text === '') return []
  return text.split(',').map((broker) => {
    if (/^(\[[0-9A-Fa-f:.]+\]|[^\s:,[\]/]+):\d{1,5}$/.test(broker)) return broker
    throw new Usage(`--kafka has broker ${JSON.stringify(broker)}: write host:port, several with commas`)
  })
}
