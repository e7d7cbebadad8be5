import { JoineryError } from '@joinery/core'
import { type Cluster, Redis } from 'ioredis'
import { inTime } from './in-time.js'

/** A client of ioredis, version 5 or 6: of one server, of a group of Sentinels, or of a cluster. */
export type RedisClient = Redis | Cluster

/** A client, and how long it is waited for. */
export interface Connection {
  readonly client: RedisClient
  readonly timeoutMs: number
  /** What the connection suffers from, if that is known. */
  readonly problem: () => unknown
}

/** Bytes as the client takes them. */
export type Argument = string | Buffer

/** What comes back: bytes, nothing, or a list. Numbers are never asked for: they would depend on options of the client. */
export type Reply = Buffer | null | readonly Reply[]

/** One command. Afterwards, if it was not answered, nobody knows whether it took effect. */
export function call({ client, timeoutMs }: Connection, command: string, args: readonly Argument[]): Promise<Reply> {
  return inTime(client.callBuffer(command, args as Argument[]) as Promise<Reply>, timeoutMs)
}

/** @throws JoineryError `OPTION_INVALID` for a client that would read elsewhere than it writes */
export function checkClient(client: RedisClient): void {
  const problems: string[] = []
  if (typeof client?.callBuffer !== 'function') problems.push('client is no client of ioredis')
  else if (client.isCluster) {
    const { scaleReads = 'master', enableAutoPipelining } = (client as Cluster).options
    // replicas lag behind: each answer of theirs would look like a loss
    if (scaleReads !== 'master') problems.push("the cluster's scaleReads has to be 'master'")
    // its queues go by the first argument, which for a script is no key
    if (enableAutoPipelining) problems.push("the cluster's enableAutoPipelining has to be off")
  }
  if (problems.length > 0)
    throw new JoineryError('OPTION_INVALID', `redisStores cannot work with this client: ${problems.join('; ')}`, {
      problems,
    })
}

const PROTOCOLS = ['redis:', 'rediss:']
/** Attempts to connect before what waits is told. */
const RETRIES = 3
/** A connection that says nothing for so many time-outs is given up for another one. */
const SILENT_TIMEOUTS = 2

/**
 * A client of our own. It connects when it is first needed, and tells of errors through those who call it.
 *
 * @throws JoineryError `OPTION_INVALID`; the URL may hold a password, so it is not shown
 */
export function connectionTo(url: string, timeoutMs: number): Connection & { readonly client: Redis } {
  if (!URL.canParse(url) || !PROTOCOLS.includes(new URL(url).protocol))
    throw new JoineryError('OPTION_INVALID', 'url is not of the form redis://host:port or rediss://host:port')
  let problem: unknown
  const client = new Redis(url, {
    lazyConnect: true,
    disableClientInfo: true, // a right less to grant
    connectTimeout: timeoutMs,
    socketTimeout: timeoutMs * SILENT_TIMEOUTS,
    maxRetriesPerRequest: RETRIES,
    // a server that has become a replica: its master is elsewhere now
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
