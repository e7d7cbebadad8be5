import { JoineryError } from '@joinery/core'
import type { Connection, RedisClient } from './connection.js'

/** Error replies that persist until a person acts. Other error replies, and network errors, can be temporary. */
const PERMANENT = /^(NOAUTH|WRONGPASS|NOPERM|WRONGTYPE|CROSSSLOT|DENIED|ERR)\b/
const MAX_MESSAGE = 300

/** The store that an error concerns. */
export interface StorePlace {
  readonly name: string
  readonly partition: number
}

/**
 * Wraps an error of ioredis. Such errors contain the arguments of their command: keys, rows, even passwords. Only the message
 * is kept, without the parts that quote arguments.
 *
 * @param operation completes "could not"
 */
export function storeFailed(
  operation: string,
  error: unknown,
  connection: Connection,
  place: StorePlace,
): JoineryError {
  const { client } = connection
  const secrets = secretsOf(client)
  const hasEnded = client.status === 'end'
  const problem = connection.problem()
  const reason = [
    messageOf(error, secrets),
    ...(problem === undefined || problem === error ? [] : [messageOf(problem, secrets)]),
    ...(hasEnded
      ? ['the client was closed or has stopped reconnecting: keep it open until the application has closed']
      : []),
  ].join('; ')
  const cause = new Error(reason)
  cause.name = (error as Error | undefined)?.name ?? 'Error'
  const isPermanent = hasEnded || (cause.name === 'ReplyError' && PERMANENT.test(reason))
  const { name, partition } = place
  return new JoineryError('STORE_FAILED', `store ${name}[${partition}] could not ${operation} in Redis: ${reason}`, {
    cause,
    retriable: !isPermanent,
    topic: name,
    partition,
  })
}

function messageOf(error: unknown, secrets: readonly string[]): string {
  const { message, code, errors, lastNodeError } = error as Readonly<Record<string, unknown>>
  const own = String(message || code || error)
  const inner = (errors as readonly unknown[] | undefined)?.[0] ?? lastNodeError
  const full = inner === undefined ? own : `${own}: ${messageOf(inner, secrets)}`
  const unquoted = full.replace(/,? with args.*$/s, '')
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, '***'), unquoted).slice(0, MAX_MESSAGE)
}

function secretsOf({ options }: RedisClient): readonly string[] {
  const { password, sentinelPassword, redisOptions } = options as Readonly<Record<string, unknown>>
  const ofNodes = (redisOptions as Readonly<Record<string, unknown>> | undefined)?.password
  return [password, sentinelPassword, ofNodes].filter(
    (secret) => typeof secret === 'string' && secret !== '',
  ) as string[]
}
