import { JoineryError } from '@joinery/core'
import type { Cluster, Redis } from 'ioredis'
import type { Connection } from './connection.js'
import { CLUSTER_ADVICE } from './reply-errors.js'
import { withTimeout } from './with-timeout.js'

const REQUIRED = 'noeviction'

/**
 * Checks that no server to which the client writes evicts keys, that each accepts writes, and that a client for a single server is
 * not connected to a node of a cluster.
 *
 * @returns `true` if no server evicts keys; `undefined` if one does not reveal its policy
 * @throws JoineryError `OPTION_INVALID`; and errors of the client, or one like its error for a replica
 */
export async function checkServer(connection: Connection): Promise<true | undefined> {
  const { client, timeoutMs } = connection
  const servers = client.isCluster ? (client as Cluster).nodes('master') : [client as Redis]
  const found = await withTimeout(Promise.all(servers.map(inspect)), timeoutMs)
  if (!client.isCluster && found.some(({ isInCluster }) => isInCluster))
    throw new JoineryError('OPTION_INVALID', `redisStores cannot work with this client: ${CLUSTER_ADVICE}`)
  if (!client.isCluster && found.some(({ isReplica }) => isReplica)) throw replicaError(connection)
  const other = found.find(({ policy }) => policy !== undefined && policy !== REQUIRED)
  if (other !== undefined)
    throw new JoineryError(
      'OPTION_INVALID',
      `the Redis server's maxmemory-policy is ${other.policy}, so it can evict rows: set it to ${REQUIRED}, or use another server`,
    )
  return found.length > 0 && found.every(({ policy }) => policy === REQUIRED) ? true : undefined
}

/** What a server reports about itself. */
interface ServerInfo {
  readonly policy: string | undefined
  readonly isReplica: boolean
  readonly isInCluster: boolean
}

/** INFO comes first, because managed servers often allow it and forbid CONFIG. */
async function inspect(server: Redis): Promise<ServerInfo> {
  const info = String(await server.call('info', []).catch(forbidden))
  const field = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]
  return {
    policy: field('maxmemory_policy') ?? (await configuredPolicy(server)),
    isReplica: field('role') === 'slave',
    isInCluster: field('cluster_enabled') === '1',
  }
}

async function configuredPolicy(server: Redis): Promise<string | undefined> {
  const config = await server.call('config', ['get', 'maxmemory-policy']).catch(forbidden)
  return /noeviction|(allkeys|volatile)-\w+/.exec(JSON.stringify(config ?? ''))?.[0]
}

/** A replica may accept writes, but loses them when it synchronises. It is treated as one that does not, which may change at any time. */
function replicaError({ client, isOwn }: Connection): Error {
  if (isOwn) client.disconnect(true)
  const error = new Error('READONLY the server has the role of a replica')
  error.name = 'ReplyError'
  return error
}

function forbidden(error: Error): undefined {
  if (/^(NOPERM|ERR unknown)/.test(error.message)) return undefined
  throw error
}
