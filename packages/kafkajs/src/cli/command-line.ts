import { parseArgs } from 'node:util'
import { parseBrokerAddress } from '../broker-address.js'
import { UsageError } from './usage-error.js'

/** How to reach the cluster. */
export type Connection =
  | { readonly config: string }
  | {
      readonly brokers: readonly string[]
      readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined
      readonly sasl: { readonly mechanism: SaslMechanism; readonly username: string } | undefined
    }

export type SaslMechanism = (typeof SASL_MECHANISMS)[number]

/** The options of both commands. */
interface Common {
  readonly application: string
  readonly connection: Connection
  readonly json: boolean
}

/** Which call is resolved, and how. */
export interface Resolution extends Common {
  readonly type: 'resolve'
  readonly id: string
  readonly token: string | undefined
  readonly pipeline: string | undefined
  readonly outcome: 'done' | 'not-sent' | 'abandoned'
  /** The value for the sink. */
  readonly result: string | undefined
  readonly decidedBy: string
  readonly reason: string
  readonly claimantHasEnded: boolean
}

export type Command = { readonly type: 'help' } | ({ readonly type: 'list' } & Common) | Resolution

const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const
const CONNECTING = ['brokers', 'tls', 'tls-ca', 'tls-cert', 'tls-key', 'sasl-mechanism', 'sasl-username'] as const
const COMMON = ['application', 'config', 'json', 'help', ...CONNECTING] as const
const OPTIONS = {
  application: { type: 'string' },
  config: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
  brokers: { type: 'string' },
  tls: { type: 'boolean' },
  'tls-ca': { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  'sasl-mechanism': { type: 'string' },
  'sasl-username': { type: 'string' },
  id: { type: 'string' },
  token: { type: 'string' },
  pipeline: { type: 'string' },
  done: { type: 'boolean' },
  'not-sent': { type: 'boolean' },
  abandoned: { type: 'boolean' },
  result: { type: 'string' },
  'decided-by': { type: 'string' },
  reason: { type: 'string' },
  'claimant-has-ended': { type: 'boolean' },
} as const

type Name = keyof typeof OPTIONS
type Values = ReturnType<typeof read>['values']

/**
 * Parses the command line.
 *
 * @throws UsageError
 */
export function parseCommandLine(args: readonly string[]): Command {
  const { values, positionals } = read(args)
  if (values.help || (args.length === 0 && positionals.length === 0)) return { type: 'help' }
  const [group, command, ...more] = positionals
  if (group !== 'calls' || (command !== 'list' && command !== 'resolve') || more.length > 0)
    throw new UsageError(
      `${JSON.stringify(positionals.join(' '))} is not a command: use "calls list" or "calls resolve", and quotes around text with spaces`,
    )
  const common = {
    application: required(values, 'application'),
    connection: connection(values),
    json: values.json ?? false,
  }
  if (command === 'list') {
    const foreign = (Object.keys(values) as Name[]).find((name) => !(COMMON as readonly string[]).includes(name))
    if (foreign !== undefined) throw new UsageError(`--${foreign} belongs to "calls resolve"`)
    return { type: command, ...common }
  }
  const outcomes = (['done', 'not-sent', 'abandoned'] as const).filter((name) => values[name])
  const [outcome] = outcomes
  if (outcome === undefined || outcomes.length > 1)
    throw new UsageError('the outcome of the call is missing: add one of --done, --not-sent and --abandoned')
  if (values.result !== undefined && outcome !== 'done') throw new UsageError('--result belongs to --done')
  const { token, pipeline, result, 'claimant-has-ended': claimantHasEnded = false } = values
  const id = required(values, 'id')
  const decidedBy = required(values, 'decided-by')
  const reason = required(values, 'reason')
  return { type: command, ...common, id, token, pipeline, outcome, result, decidedBy, reason, claimantHasEnded }
}

function read(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    // its messages contain the names of options, but no values
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function required(values: Values, name: 'application' | 'id' | 'decided-by' | 'reason'): string {
  const value = values[name]
  if (value === undefined || value.trim() === '') throw new UsageError(`--${name} is missing`)
  return value
}

function connection(values: Values): Connection {
  const { config, brokers, tls } = values
  if (config !== undefined) {
    const other = CONNECTING.find((name) => values[name] !== undefined)
    if (other !== undefined) throw new UsageError(`--config replaces all other connection options: remove --${other}`)
    return { config }
  }
  if (brokers === undefined) throw new UsageError('no brokers: add --brokers host:port,host:port or --config FILE')
  const list = brokers.split(',')
  const wrong = list.find((broker) => parseBrokerAddress(broker) === undefined)
  if (wrong !== undefined)
    throw new UsageError(`--brokers contains ${JSON.stringify(wrong)}: use host:port, separated by commas`)
  const { 'tls-ca': ca, 'tls-cert': cert, 'tls-key': key } = values
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('--tls-cert and --tls-key require each other')
  const hasTls = tls || ca !== undefined || cert !== undefined
  return {
    brokers: list,
    tls: hasTls
      ? { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) }
      : undefined,
    sasl: sasl(values),
  }
}

function sasl({ 'sasl-mechanism': mechanism, 'sasl-username': username }: Values) {
  if (mechanism === undefined && username === undefined) return undefined
  const known = SASL_MECHANISMS.find((name) => name === mechanism)
  if (known === undefined) throw new UsageError(`--sasl-mechanism must be one of ${SASL_MECHANISMS.join(', ')}`)
  if (username === undefined) throw new UsageError('--sasl-username is missing')
  return { mechanism: known, username }
}
