import { JoineryError } from '@joinery/core'
import { blockingCommandOf, clientModeAdvice } from './client-use.js'
import type { Connection, RedisClient } from './connection.js'
import { likelyCauses } from './connection-problems.js'
import { CLUSTER_ADVICE, commandOf, isReadOnly, meaningOf } from './reply-errors.js'
import { TimeoutError } from './with-timeout.js'

const MAX_MESSAGE = 300

/** The store that an error concerns. */
export interface StorePlace {
  readonly name: string
  readonly partition: number
}

/** What was requested. */
export interface FailedRequest {
  /** The source of the script, if it was one. */
  readonly lua?: string | undefined
  /** How large it was, as text. */
  readonly size?: string | undefined
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
  request: FailedRequest = {},
): JoineryError {
  const { client, timeoutMs } = connection
  const { name, partition } = place
  const at = { topic: name, partition }
  const blocking = error instanceof TimeoutError ? blockingCommandOf(client) : undefined
  if (blocking !== undefined)
    return new JoineryError(
      'OPTION_INVALID',
      `redisStores cannot work with this client: no command had a reply within ${timeoutMs} ms, because the client waits for ${blocking}; pass a client that runs no blocking commands`,
      at,
    )
  const secrets = secretsOf(client)
  const problem = connection.problem()
  const hasEnded = client.status === 'end'
  const message = messageOf(error, secrets)
  const reply = replyOf(error) ?? replyOf(problem)
  const meaning = reply === undefined ? undefined : meaningOf(reply, client.isCluster)
  const command = reply === undefined || request.lua === undefined ? undefined : commandOf(reply, request.lua)
  const mode = clientModeAdvice(message)
  const reasons = [
    message,
    problem === undefined || problem === error ? undefined : messageOf(problem, secrets),
    meaning?.kind === 'final' && command !== undefined ? `the command is ${command.toLowerCase()}` : undefined,
    meaning?.advice ?? mode,
    reply !== undefined && isReadOnly(reply) ? replicaAdvice(connection, error) : undefined,
    ...likelyCauses(error, connection),
    error instanceof TimeoutError && client.status === 'ready' ? sizeAdvice(request.size, timeoutMs) : undefined,
    hasEnded
      ? 'the client was closed or has stopped reconnecting: keep it open until the application has closed'
      : undefined,
  ]
  const reason = reasons.filter((text) => text !== undefined).join('; ')
  const cause = new Error(reason)
  cause.name = (error as Error | undefined)?.name ?? 'Error'
  const isFinal = hasEnded || mode !== undefined || meaning?.kind === 'final'
  // the same code as when the server reports that it is in a cluster
  const code = meaning?.advice === CLUSTER_ADVICE ? 'OPTION_INVALID' : 'STORE_FAILED'
  return new JoineryError(code, `store ${name}[${partition}] could not ${operation} in Redis: ${reason}`, {
    cause,
    retriable: !isFinal,
    ...at,
  })
}

function sizeAdvice(size: string | undefined, timeoutMs: number): string | undefined {
  if (size === undefined) return undefined
  return `${size}: the next attempt is smaller; if even the smallest takes longer, raise the option timeout (${timeoutMs} ms)`
}

/** What leads to the server that accepts writes. */
function replicaAdvice({ client, isOwn }: Connection, error: unknown): string {
  const replica = 'the server is a replica'
  if (isOwn) return `${replica}: the url has to lead to the server that accepts writes; the client connects again`
  const { reconnectOnError } = (client as { options: { reconnectOnError?: ((error: Error) => unknown) | null } })
    .options
  if (reconnectOnError?.(error as Error)) return `${replica}: the client connects again, as its reconnectOnError says`
  return `${replica}, and this client stays connected to it: set reconnectOnError: (error) => error.message.includes('READONLY') for the client`
}

/** Returns the error reply in an error: the error itself, or what a client for a cluster says about the last server. */
function replyOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if (error.name === 'ReplyError') return error.message
  return replyOf((error as { lastNodeError?: unknown }).lastNodeError)
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
