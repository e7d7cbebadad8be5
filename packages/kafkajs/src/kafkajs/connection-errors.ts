import { isJoineryError, JoineryError } from '@joinery/core'

/** What kafkajs' errors carry. */
interface KafkajsError {
  readonly name?: string
  readonly type?: string
  readonly message?: string
  readonly cause?: unknown
}

/** Every error in a chain of causes, the outermost first. */
export function causes(error: unknown): readonly KafkajsError[] {
  const chain: KafkajsError[] = []
  for (let at = error as KafkajsError | undefined; at != null && !chain.includes(at); at = at.cause as KafkajsError)
    chain.push(at)
  return chain
}

/** What a failure to connect means: wrong credentials are for people to cure, most other things pass. */
export function connectionError(what: string, cause: unknown): JoineryError {
  const chain = causes(cause)
  const ours = chain.find((error) => isJoineryError(error))
  if (ours !== undefined) return ours as unknown as JoineryError
  const last = chain.at(-1)?.message ?? String(cause)
  if (chain.some(({ name }) => name === 'KafkaJSSASLAuthenticationError')) {
    return new JoineryError('NOT_AUTHORIZED', `${what}: the brokers do not accept these credentials (${last})`, {
      cause,
    })
  }
  if (chain.some(({ name }) => name !== undefined && UNSUPPORTED.has(name))) {
    return new JoineryError('CLIENT_UNSUPPORTED', `${what}: kafkajs cannot talk to these brokers (${last})`, { cause })
  }
  return new JoineryError('LOG_FAILED', `${what}: ${last}`, { cause, retriable: true })
}

const UNSUPPORTED: ReadonlySet<string> = new Set([
  'KafkaJSNotImplemented',
  'KafkaJSServerDoesNotSupportApiKey',
  'KafkaJSUnsupportedMagicByteInMessageSet',
])
