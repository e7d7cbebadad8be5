import { JoineryError } from '@joinery/core'
import type { Cluster, Redis } from 'ioredis'
import type { RedisClient } from './connection.js'

/** Commands that hold up those after them on the same connection; the last two only with an option. */
const BLOCKING = /^(b[lr]pop|brpoplpush|bl(mpop|movem?)|bz(popmin|popmax|mpop)|wait|waitaof|xread|xreadgroup)$/i
const WITH_OPTION = /^xread/i

/** Errors of ioredis for a client that is used for something else, with which the stores cannot share it. */
const MODES: readonly (readonly [RegExp, string])[] = [
  [/in subscriber mode/, 'pass a client that does not subscribe'],
  [/in monitoring mode/, 'pass a client that does not monitor'],
]

/**
 * Checks how a client is configured and used.
 *
 * @throws JoineryError `OPTION_INVALID` for a client that cannot be used
 */
export function checkClient(client: RedisClient): void {
  const problems: string[] = []
  if (typeof client?.callBuffer !== 'function') problems.push('client is not a client of ioredis')
  else {
    // its pipelines fail with keys and values that are bytes; for a cluster it also selects the server by the wrong argument
    if (client.options.enableAutoPipelining) problems.push('disable enableAutoPipelining of the client')
    problems.push(...(client.isCluster ? clusterProblems(client as Cluster) : serverProblems(client as Redis)))
  }
  if (problems.length > 0)
    throw new JoineryError('OPTION_INVALID', `redisStores cannot work with this client: ${problems.join('; ')}`, {
      problems,
    })
}

/** Replicas lag behind: their replies would look like lost writes. */
function clusterProblems({ options: { scaleReads = 'master' } }: Cluster): string[] {
  return scaleReads === 'master' ? [] : ["set scaleReads of the cluster to 'master'"]
}

function serverProblems({ options, mode }: Redis): string[] {
  const problems: string[] = []
  if (options.role === 'slave') problems.push("set role of the client to 'master'")
  if (Number.isNaN(options.db)) problems.push('db of the client is not a number')
  if (mode !== undefined && mode !== 'normal')
    problems.push(`it is in ${mode} mode: pass a client that only runs commands`)
  return problems
}

/** @returns what to do if an error of the client means that it is in another mode */
export function clientModeAdvice(message: string): string | undefined {
  return MODES.find(([pattern]) => pattern.test(message))?.[1]
}

/** @returns the blocking command whose reply the client waits for, and which holds up all others; known for one server only */
export function blockingCommandOf(client: RedisClient): string | undefined {
  const { commandQueue } = client as unknown as { commandQueue?: Partial<SentCommands> }
  const sent = commandQueue?.peekFront?.()?.command
  if (sent === undefined || !BLOCKING.test(sent.name)) return undefined
  if (WITH_OPTION.test(sent.name) && !sent.args.some((arg) => /^block$/i.test(String(arg)))) return undefined
  return sent.name.toUpperCase()
}

/** What ioredis 5 and 6 keep about commands without a reply. */
interface SentCommands {
  peekFront(): { readonly command: { readonly name: string; readonly args: readonly unknown[] } } | undefined
}
