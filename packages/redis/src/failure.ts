import { JoineryError } from '@joinery/core'
import type { Connection, RedisClient } from './connection.js'

/** Answers of a server that mean that somebody has to act. All others, and all failures on the way, may pass. */
const LASTING = /^(NOAUTH|WRONGPASS|NOPERM|WRONGTYPE|CROSSSLOT|DENIED|ERR)\b/
const LONGEST = 300

/** The store that something is about. */
export interface StorePlace {
  readonly name: string
  readonly partition: number
}

/**
 * Errors of ioredis carry the arguments of their command: keys, rows, even passwords. So nothing of them is passed on but
 * their words, and of those nothing that quotes arguments.
 *
 * @param does completes "could not"
 */
export function storeFailed(does: string, error: unknown, connection: Connection, place: StorePlace): JoineryError {
  const { client } = connection
  const secrets = secretsOf(client)
  const hasEnded = client.status === 'end'
  const problem = connection.problem()
  const why = [
    wordsOf(error, secrets),
    ...(problem === undefined || problem === error ? [] : [wordsOf(problem, secrets)]),
    ...(hasEnded ? ['the client was closed, or has given up: keep it open for longer than the application'] : []),
  ].join('; ')
  const cause = new Error(why)
  cause.name = (error as Error | undefined)?.name ?? 'Error'
  const isLasting = hasEnded || (cause.name === 'ReplyError' && LASTING.test(why))
  const { name, partition } = place
  return new JoineryError('STORE_FAILED', `store ${name}[${partition}] could not ${does} in Redis: ${why}`, {
    cause,
    retriable: !isLasting,
    topic: name,
    partition,
  })
}

function wordsOf(error: unknown, secrets: readonly string[]): string {
  const { message, code, errors, lastNodeError } = error as Readonly<Record<string, unknown>>
  const own = String(message || code || error)
  const inner = (errors as readonly unknown[] | undefined)?.[0] ?? lastNodeError
  const words = inner === undefined ? own : `${own}: ${wordsOf(inner, secrets)}`
  const unquoted = words.replace(/,? with args.*$/s, '')
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, '***'), unquoted).slice(0, LONGEST)
}

function secretsOf({ options }: RedisClient): readonly string[] {
  const { password, sentinelPassword, redisOptions } = options as Readonly<Record<string, unknown>>
  const ofNodes = (redisOptions as Readonly<Record<string, unknown>> | undefined)?.password
  return [password, sentinelPassword, ofNodes].filter(
    (secret) => typeof secret === 'string' && secret !== '',
  ) as string[]
}
