import type { InternalCluster, InternalConnection } from './kafkajs-internals.js'
import { requireFunctions, requireLists } from './require-functions.js'

/** Bytes of a response's length. */
const LENGTH_BYTES = 4

/**
 * Cures three faults of the connections that stay kafkajs' own: each keeps a timer of 1 ms running for ever; a cut in the
 * middle of an answer leaves bytes behind that end the process when the next connection's answer is read; and one that
 * does not answer is asked again for ever, though its other end may be long gone.
 *
 * @throws JoineryError `CLIENT_UNSUPPORTED` if this kafkajs is not built as 2.2.4 is
 */
export function mendConnections(cluster: Pick<InternalCluster, 'connectionPoolBuilder'>): void {
  const builder = cluster.connectionPoolBuilder
  requireFunctions('cluster.connectionPoolBuilder', builder, ['build'])
  const build = builder.build.bind(builder)
  builder.build = async (at) => {
    const pool = await build(at)
    requireLists('connection pool', pool, ['pool'])
    pool.pool.forEach(mend)
    return pool
  }
}

function mend(connection: InternalConnection): void {
  requireFunctions('connection', connection, ['connect', 'isConnected', 'send'])
  requireLists('connection', connection, ['chunks'])
  const { requestQueue } = connection
  requireFunctions('connection.requestQueue', requestQueue, ['destroy', 'scheduleCheckPendingRequests'])
  requireLists('connection.requestQueue', requestQueue, ['pending'])

  const schedule = requestQueue.scheduleCheckPendingRequests.bind(requestQueue)
  requestQueue.scheduleCheckPendingRequests = () => {
    if (requestQueue.pending.length > 0) schedule() // with nothing to send there is nothing to look at
  }
  const connect = connection.connect.bind(connection)
  connection.connect = () => {
    if (!connection.isConnected()) {
      connection.chunks = []
      connection.bytesBuffered = 0
      connection.bytesNeeded = LENGTH_BYTES
    }
    return connect()
  }
  const send = connection.send.bind(connection)
  connection.send = async (request) => {
    try {
      return await send(request)
    } catch (error) {
      const isLate = (error as { readonly name?: string }).name === 'KafkaJSRequestTimeoutError'
      if (isLate) connection.socket.destroy(error as Error) // kafkajs hears of errors, and connects anew
      throw error
    }
  }
}
