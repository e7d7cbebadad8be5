import type { Connection } from './connection.js'
import { TimeoutError } from './with-timeout.js'

/** What a client that speaks TLS meets on a port without it, and the reverse. */
const NOT_TLS = /ETIMEDOUT|ECONNRESET|EPROTO|wrong version number|before secure TLS/
const IS_TLS = /ECONNRESET|EPIPE|Protocol error|Connection is closed/

/** @returns likely causes of an error of the connection, and the remedy */
export function likelyCauses(error: unknown, connection: Connection): readonly string[] {
  const { client, isOwn } = connection
  if (client.status === 'ready' || client.status === 'end') return []
  if (!isOwn)
    return error instanceof TimeoutError ? [`the client is ${client.status}: its 'error' events have the reason`] : []
  if (connection.hasBeenReady()) return []
  const problem = connection.problem()
  const said = [error, problem].map((each) => `${(each as { code?: string } | undefined)?.code} ${each}`).join(' ')
  const isSilent = error instanceof TimeoutError && problem === undefined
  if ((client.options as { tls?: unknown }).tls !== undefined)
    return isSilent || NOT_TLS.test(said) ? ['is this a port without TLS? rediss:// needs one with TLS'] : []
  return IS_TLS.test(said) ? ['is this a port with TLS? It needs rediss://'] : []
}
