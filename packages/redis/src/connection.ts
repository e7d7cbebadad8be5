import { JoineryError } from '@joinery/core'
import type { Cluster, Redis } from 'ioredis'
import { OwnClient } from './own-client.js'
import { isReadOnly } from './reply-errors.js'
import { withTimeout } from './with-timeout.js'

/** A client of ioredis 5 or 6: for a single server, for Sentinels, or for a cluster. */
export type RedisClient = Redis | Cluster

/** A client, and the timeout of its commands. */
export interface Connection {
  readonly client: RedisClient
  readonly timeoutMs: number
  /** Whether the stores have created the client. */
  readonly isOwn: boolean
  /** Returns the last error of the connection, if it is known and the connection is not ready. */
  readonly problem: () => unknown
  /** Returns whether the server has ever been reached, as far as is known. */
  readonly hasBeenReady: () => boolean
}

/** An argument of a command. */
export type Argument = string | Buffer

/** A reply: bytes, nothing, or a list. No command replies with a number, whose type would depend on options of the client. */
export type Reply = Buffer | null | readonly Reply[]

/** Sends a command. After a timeout, it is unknown whether the command took effect. */
export function call({ client, timeoutMs }: Connection, command: string, args: readonly Argument[]): Promise<Reply> {
  return withTimeout(client.callBuffer(command, args as Argument[]) as Promise<Reply>, timeoutMs)
}

/** @returns the database that the client is configured for; a cluster has only one */
export function databaseOf(client: RedisClient): number {
  if (client.isCluster) return 0
  const { condition, options } = client as Redis & { condition?: { readonly select?: number } | null }
  return condition?.select ?? options.db ?? 0
}

const PROTOCOLS = ['redis:', 'rediss:']
/** The part of a URL with the database. */
const DATABASE = /^(\/\d*)?$/
/** How often a command is retried before it fails. */
const MAX_RETRIES = 3
/** A connection without any data for this many timeouts is replaced. */
const SOCKET_TIMEOUTS = 2

/** @returns a client that was passed in, which reports its errors to its own listeners */
export function connectionOf(client: RedisClient, timeoutMs: number): Connection {
  return { client, timeoutMs, isOwn: false, problem: () => undefined, hasBeenReady: () => true }
}

/**
 * Creates a client that connects when it is first used, and reports errors through failing commands.
 *
 * @returns the connection
 * @throws JoineryError `OPTION_INVALID`; the message does not contain the URL, which can have a password
 */
export function createConnection(url: string, timeoutMs: number): Connection & { readonly client: Redis } {
  if (!URL.canParse(url) || !PROTOCOLS.includes(new URL(url).protocol))
    throw new JoineryError('OPTION_INVALID', 'url must have the form redis://host:port or rediss://host:port')
  if (!DATABASE.test(new URL(url).pathname))
    throw new JoineryError(
      'OPTION_INVALID',
      'url must end with the port, or with the number of a database: redis://host:port/1',
    )
  let problem: unknown
  let hasBeenReady = false
  const client = new OwnClient(url, timeoutMs, {
    lazyConnect: true,
    disableClientInfo: true, // one permission less to grant
    connectTimeout: timeoutMs,
    socketTimeout: timeoutMs * SOCKET_TIMEOUTS,
    maxRetriesPerRequest: MAX_RETRIES,
    // the server has become a replica: reconnect to the new master
    reconnectOnError: (error) => isReadOnly(error.message),
  })
  client.on('error', (error) => {
    problem = error
  })
  client.on('ready', () => {
    problem = undefined
    hasBeenReady = true
  })
  return { client, timeoutMs, isOwn: true, problem: () => problem, hasBeenReady: () => hasBeenReady }
}
