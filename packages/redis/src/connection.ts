import { JoineryError } from '@joinery/core'
import { type Cluster, Redis } from 'ioredis'
import { withTimeout } from './with-timeout.js'

/** A client of ioredis 5 or 6: for a single server, for Sentinels, or for a cluster. */
export type RedisClient = Redis | Cluster

/** A client, and the timeout of its commands. */
export interface Connection {
  readonly client: RedisClient
  readonly timeoutMs: number
  /** Returns the last error of the connection, if it is known and the connection is not ready. */
  readonly problem: () => unknown
}

/** An argument of a command. */
export type Argument = string | Buffer

/** A reply: bytes, nothing, or a list. No command replies with a number, whose type would depend on options of the client. */
export type Reply = Buffer | null | readonly Reply[]

/** Sends a command. After a timeout, it is unknown whether the command took effect. */
export function call({ client, timeoutMs }: Connection, command: string, args: readonly Argument[]): Promise<Reply> {
  return withTimeout(client.callBuffer(command, args as Argument[]) as Promise<Reply>, timeoutMs)
}

/** @throws JoineryError `OPTION_INVALID` for a client that does not read where it writes */
export function checkClient(client: RedisClient): void {
  const problems: string[] = []
  if (typeof client?.callBuffer !== 'function') problems.push('client is not a client of ioredis')
  else if (client.isCluster) {
    const { scaleReads = 'master', enableAutoPipelining } = (client as Cluster).options
    // replicas lag behind: their replies would look like lost writes
    if (scaleReads !== 'master') problems.push("set scaleReads of the cluster to 'master'")
    // it groups commands by the first argument, which is not a key for scripts
    if (enableAutoPipelining) problems.push('disable enableAutoPipelining of the cluster')
  }
  if (problems.length > 0)
    throw new JoineryError('OPTION_INVALID', `redisStores cannot work with this client: ${problems.join('; ')}`, {
      problems,
    })
}

const PROTOCOLS = ['redis:', 'rediss:']
/** How often a command is retried before it fails. */
const MAX_RETRIES = 3
/** A connection without any data for this many timeouts is replaced. */
const SOCKET_TIMEOUTS = 2

/**
 * Creates a client that connects when it is first used, and reports errors through failing commands.
 *
 * @returns the connection
 * @throws JoineryError `OPTION_INVALID`; the message does not contain the URL, which can have a password
 */
export function createConnection(url: string, timeoutMs: number): Connection & { readonly client: Redis } {
  if (!URL.canParse(url) || !PROTOCOLS.includes(new URL(url).protocol))
    throw new JoineryError('OPTION_INVALID', 'url must have the form redis://host:port or rediss://host:port')
  let problem: unknown
  const client = new Redis(url, {
    lazyConnect: true,
    disableClientInfo: true, // one permission less to grant
    connectTimeout: timeoutMs,
    socketTimeout: timeoutMs * SOCKET_TIMEOUTS,
    maxRetriesPerRequest: MAX_RETRIES,
    // the server has become a replica: reconnect to the new master
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  })
  client.on('error', (error) => {
    problem = error
  })
  client.on('ready', () => {
    problem = undefined
  })
  return { client, timeoutMs, problem: () => problem }
}
