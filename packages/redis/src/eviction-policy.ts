import { JoineryError } from '@joinery/core'
import type { Cluster, Redis } from 'ioredis'
import type { Connection } from './connection.js'
import { withTimeout } from './with-timeout.js'

const REQUIRED = 'noeviction'

/**
 * Checks that no server to which the client writes evicts keys.
 *
 * @returns `true` if none does; `undefined` if a server does not reveal its policy
 * @throws JoineryError `OPTION_INVALID` if one does; and errors of the client
 */
export async function checkEviction({ client, timeoutMs }: Connection): Promise<true | undefined> {
  const servers = client.isCluster ? (client as Cluster).nodes('master') : [client as Redis]
  const policies = await withTimeout(Promise.all(servers.map(policyOf)), timeoutMs)
  const other = policies.find((policy) => policy !== undefined && policy !== REQUIRED)
  if (other !== undefined)
    throw new JoineryError(
      'OPTION_INVALID',
      `the Redis server's maxmemory-policy is ${other}, so it can evict rows: set it to ${REQUIRED}, or use another server`,
    )
  return policies.length > 0 && policies.every((policy) => policy === REQUIRED) ? true : undefined
}

/** INFO comes first, because managed servers often allow it and forbid CONFIG. */
async function policyOf(server: Redis): Promise<string | undefined> {
  const info = await server.call('info', ['memory']).catch(forbidden)
  const policy = /^maxmemory_policy:(\S+)/m.exec(String(info))?.[1]
  if (policy !== undefined) return policy
  const config = await server.call('config', ['get', 'maxmemory-policy']).catch(forbidden)
  return /noeviction|(allkeys|volatile)-\w+/.exec(JSON.stringify(config ?? ''))?.[0]
}

function forbidden(error: Error): undefined {
  if (/^(NOPERM|ERR unknown)/.test(error.message)) return undefined
  throw error
}
