import { isJoineryError, JoineryError } from '@joinery/core'

/** The fields of kafkajs' errors. */
interface KafkajsError {
  readonly name?: string
  readonly type?: string
  readonly message?: string
  /** `host:port` */
  readonly broker?: string
  readonly cause?: unknown
}

/** @returns every error in a chain of causes, the outermost first */
export function causes(error: unknown): readonly KafkajsError[] {
  const chain: KafkajsError[] = []
  for (let at = error as KafkajsError | undefined; at != null && !chain.includes(at); at = at.cause as KafkajsError)
    chain.push(at)
  return chain
}

/** @returns the error for a failure to connect: wrong options and credentials persist until a person acts, most other failures are transient */
export function connectionError(what: string, cause: unknown): JoineryError {
  const chain = causes(cause)
  const ours = chain.find((error) => isJoineryError(error))
  if (ours !== undefined) return ours as unknown as JoineryError
  const why = withBroker(chain, chain.at(-1)?.message ?? String(cause))
  const remedy = saslRemedy(chain)
  if (remedy !== undefined) return new JoineryError('OPTION_INVALID', `${what}: ${remedy} (${why})`, { cause })
  if (chain.some(({ type }) => type === 'SASL_AUTHENTICATION_FAILED'))
    return new JoineryError('NOT_AUTHORIZED', `${what}: the broker rejected the credentials (${why})`, { cause })
  // without a failed request: the credentials cannot be used, or the broker has not proved that it knows them
  if (chain.some(({ name, message = '' }) => name === 'KafkaJSSASLAuthenticationError' && !NO_TOKEN.test(message)))
    return new JoineryError('NOT_AUTHORIZED', `${what}: the authentication failed (${why})`, { cause })
  if (chain.some(({ name }) => name !== undefined && UNSUPPORTED.has(name))) {
    return new JoineryError('CLIENT_UNSUPPORTED', `${what}: kafkajs does not support these brokers (${why})`, { cause })
  }
  return new JoineryError('LOG_FAILED', `${what}: ${why}`, { cause, retriable: true })
}

/** @returns what to change if a listener does not use SASL as the options say */
function saslRemedy(chain: readonly KafkajsError[]): string | undefined {
  if (chain.some(({ type }) => type === 'ILLEGAL_SASL_STATE'))
    return 'this port does not use SASL, and the option sasl is set: remove sasl, or use the port of a listener with SASL'
  if (chain.some(({ type, message = '' }) => type === 'UNSUPPORTED_SASL_MECHANISM' || NO_MECHANISM.test(message)))
    return "this port does not accept the mechanism: set sasl.mechanism to one of the broker's sasl.enabled.mechanisms"
  return undefined
}

/** kafkajs names the broker of a failed connection in a field of the error, and only in some messages. */
function withBroker(chain: readonly KafkajsError[], message: string): string {
  const broker = chain.find((error) => typeof error.broker === 'string')?.broker
  return broker === undefined || message.includes(broker) ? message : `${message}, broker ${broker}`
}

const NO_MECHANISM = /^SASL \S+ mechanism is not supported by the server/

/** The user's function for OAuth tokens returned none: the next call may return one, as it may after an error of it. */
const NO_TOKEN = /^SASL OAUTHBEARER: Invalid OAuth bearer token$/

const UNSUPPORTED: ReadonlySet<string> = new Set([
  'KafkaJSNotImplemented',
  'KafkaJSServerDoesNotSupportApiKey',
  'KafkaJSUnsupportedMagicByteInMessageSet',
])
