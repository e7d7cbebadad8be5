import type { Socket } from 'node:net'
import type { InternalBroker, InternalCluster, InternalConnection } from './internals.js'
import { requireFunctions } from './require-functions.js'

/** A socket that kafkajs has opened and authenticated. kafkajs no longer uses it. */
export interface AuthenticatedSocket {
  readonly socket: Socket
  /** `host:port` of the broker. */
  readonly address: string
  readonly clientId: string
  /** How long the SASL session is valid, in milliseconds; infinite without one. */
  readonly sessionLifetimeMs: number
}

/**
 * Opens another socket to a broker, with the TLS and SASL settings of kafkajs.
 *
 * @throws JoineryError `CLIENT_UNSUPPORTED` if kafkajs does not have the internals of 2.2.4; errors of kafkajs
 */
export async function openSocket(cluster: InternalCluster, broker: InternalBroker): Promise<AuthenticatedSocket> {
  const { host, port, rack } = broker.connectionPool
  const pool = await cluster.connectionPoolBuilder.build({ host, port, rack })
  const connection = pool.pool[0] as InternalConnection
  requireFunctions('connection', connection, [
    'setVersions',
    'setSupportAuthenticationProtocol',
    'getSupportAuthenticationProtocol',
    'connect',
    'authenticate',
  ])
  requireFunctions('connection.requestQueue', connection.requestQueue, ['destroy'])
  connection.setVersions(broker.versions)
  connection.setSupportAuthenticationProtocol(
    (broker.connectionPool.pool[0] as InternalConnection).getSupportAuthenticationProtocol(),
  )
  await connection.connect()
  try {
    await connection.authenticate()
  } catch (error) {
    connection.socket.destroy(error as Error) // the error makes kafkajs cancel its timers
    throw error
  }
  connection.requestQueue.destroy() // cancels its timers
  const { socket, clientId, sessionLifetime } = connection
  for (const event of ['data', 'end', 'error', 'timeout']) socket.removeAllListeners(event)
  socket.setTimeout(0)
  const lifetimeMs = sessionLifetime.toNumber()
  return {
    socket,
    address: `${host}:${port}`,
    clientId,
    sessionLifetimeMs: lifetimeMs === 0 ? Number.POSITIVE_INFINITY : lifetimeMs,
  }
}
