import { JoineryError } from '@joinery/core'
import type { Cluster, Redis } from 'ioredis'
import type { Connection } from './connection.js'
import { inTime } from './in-time.js'

const NEEDED = 'noeviction'

/**
 * Whether no server that the client writes to evicts keys; `undefined` if one of them does not say.
 *
 * @throws JoineryError `OPTION_INVALID` if one does; and what the client throws
 */
export async function checkEviction({ client, timeoutMs }: Connection): Promise<true | undefined> {
  const servers = client.isCluster ? (client as Cluster).nodes('master') : [client as Redis]
  const policies = await inTime(Promise.all(servers.map(policyOf)), timeoutMs)
  const other = policies.find((policy) => policy !== undefined && policy !== NEEDED)
  if (other !== undefined)
    throw new JoineryError(
      'OPTION_INVALID',
      `the Redis server's maxmemory-policy is ${other}, so it would throw rows away: set it to ${NEEDED}, or use another server`,
    )
  return policies.length > 0 && policies.every((policy) => policy === NEEDED) ? true : undefined
}

/** INFO first: managed servers allow it where CONFIG is forbidden. */
async function policyOf(server: Redis): Promise<string | undefined> {
  const info = await server.call('info', ['memory']).catch(forbidden)
  const told = /^maxmemory_policy:(\S+)/m.exec(String(info))?.[1]
  if (told !== undefined) return told
  const config = await server.call('config', ['get', 'maxmemory-policy']).catch(forbidden)
  return /noeviction|(allkeys|volatile)-\w+/.exec(JSON.stringify(config ?? ''))?.[0]
}

function forbidden(error: Error): undefined {
  if (/^(NOPERM|ERR unknown)/.test(error.message)) return undefined
  throw error
}
