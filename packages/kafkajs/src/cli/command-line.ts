import { parseArgs } from 'node:util'
import { UsageError } from './usage-error.js'

/** How the cluster is reached. */
export type Connection =
  | { readonly config: string }
  | {
      readonly brokers: readonly string[]
      readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined
      readonly sasl: { readonly mechanism: SaslMechanism; readonly username: string } | undefined
    }

export type SaslMechanism = (typeof SASL_MECHANISMS)[number]

/** What both commands are told. */
interface Common {
  readonly application: string
  readonly connection: Connection
  readonly json: boolean
}

/** Which doubt is decided, and how. */
export interface Resolution extends Common {
  readonly command: 'resolve'
  readonly id: string
  readonly token: string | undefined
  readonly pipeline: string | undefined
  readonly was: 'done' | 'not-sent' | 'abandoned'
  /** What the sink gets. */
  readonly result: string | undefined
  readonly by: string
  readonly why: string
  readonly claimantHasEnded: boolean
}

export type Command = { readonly command: 'help' } | ({ readonly command: 'list' } & Common) | Resolution

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
  by: { type: 'string' },
  why: { type: 'string' },
  'claimant-has-ended': { type: 'boolean' },
} as const

type Name = keyof typeof OPTIONS
type Values = ReturnType<typeof read>['values']

/**
 * Reads the command line.
 *
 * @throws UsageError that says what is wrong
 */
export function parseCommandLine(args: readonly string[]): Command {
  const { values, positionals } = read(args)
  if (values.help || (args.length === 0 && positionals.length === 0)) return { command: 'help' }
  const [group, command, ...more] = positionals
  if (group !== 'calls' || (command !== 'list' && command !== 'resolve') || more.length > 0)
    throw new UsageError(
      `${JSON.stringify(positionals.join(' '))} is no command: use "calls list" or "calls resolve"; text with spaces needs quotes`,
    )
  const common = {
    application: needed(values, 'application'),
    connection: connection(values),
    json: values.json ?? false,
  }
  if (command === 'list') {
    const foreign = (Object.keys(values) as Name[]).find((name) => !(COMMON as readonly string[]).includes(name))
    if (foreign !== undefined) throw new UsageError(`--${foreign} belongs to "calls resolve"`)
    return { command, ...common }
  }
  const decisions = (['done', 'not-sent', 'abandoned'] as const).filter((name) => values[name])
  const [was] = decisions
  if (was === undefined || decisions.length > 1)
    throw new UsageError('say what became of the call: --done, --not-sent or --abandoned, one of them')
  if (values.result !== undefined && was !== 'done') throw new UsageError('--result belongs to --done')
  const { token, pipeline, result, 'claimant-has-ended': claimantHasEnded = false } = values
  const [id, by, why] = [needed(values, 'id'), needed(values, 'by'), needed(values, 'why')]
  return { command, ...common, id, token, pipeline, was, result, by, why, claimantHasEnded }
}

function read(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    // its messages name options, and no values
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function needed(values: Values, name: 'application' | 'id' | 'by' | 'why'): string {
  const value = values[name]
  if (value === undefined || value.trim() === '') throw new UsageError(`--${name} is missing`)
  return value
}

function connection(values: Values): Connection {
  const { config, brokers, tls } = values
  if (config !== undefined) {
    const other = CONNECTING.find((name) => values[name] !== undefined)
    if (other !== undefined) throw new UsageError(`--config says it all: leave --${other} out`)
    return { config }
  }
  if (brokers === undefined) throw new UsageError('say where Kafka is: --brokers host:port,host:port or --config FILE')
  const list = brokers.split(',')
  const wrong = list.find((broker) => !/^(\[[0-9A-Fa-f:.]+\]|[^\s:,[\]/@]+):\d{1,5}$/.test(broker))
  if (wrong !== undefined)
    throw new UsageError(`--brokers has ${JSON.stringify(wrong)}: write host:port, several with commas`)
  const { 'tls-ca': ca, 'tls-cert': cert, 'tls-key': key } = values
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('--tls-cert and --tls-key go together')
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
  if (known === undefined) throw new UsageError(`--sasl-mechanism has to be one of ${SASL_MECHANISMS.join(', ')}`)
  if (username === undefined) throw new UsageError('--sasl-username is missing')
  return { mechanism: known, username }
}
