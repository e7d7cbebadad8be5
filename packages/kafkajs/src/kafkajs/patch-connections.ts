import type { Socket } from 'node:net'
import type { InternalCluster, InternalConnection, InternalRequestQueue } from './internals.js'
import { requireFunctions, requireLists } from './require-functions.js'

/** The size of the length field at the beginning of each response. */
const LENGTH_BYTES = 4

/** The open sockets of one client. */
class OpenSockets {
  readonly #open = new Set<Socket>()
  #isEnded = false

  add(socket: Socket): void {
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    if (this.#isEnded) end(socket)
  }

  /** Closes the open sockets, and any that is added later. */
  readonly end = (): void => {
    this.#isEnded = true
    for (const socket of this.#open) end(socket)
  }
}

/** The error makes kafkajs cancel its own timers for the socket. */
const end = (socket: Socket): void => void socket.destroy(new Error('the client was closed'))

/**
 * Patches five faults of the connections that kafkajs uses itself:
 *
 * - each keeps a timer of 1 ms running forever;
 * - if it is closed in the middle of a response, the bytes stay in its buffer, and the process crashes when it reads the
 *   next response after reconnecting;
 * - if its peer disappears without closing it, requests are sent on it forever;
 * - if it is being opened while the client disconnects, it stays open;
 * - two requests at once on a closed connection open two sockets, of which the first stays open.
 *
 * @returns a function that closes all connections, those that are open and those that will be opened
 * @throws JoineryError `CLIENT_UNSUPPORTED` if kafkajs does not have the internals of 2.2.4
 */
export function patchConnections(cluster: Pick<InternalCluster, 'connectionPoolBuilder'>): () => void {
  const builder = cluster.connectionPoolBuilder
  requireFunctions('cluster.connectionPoolBuilder', builder, ['build'])
  const build = builder.build.bind(builder)
  const sockets = new OpenSockets()
  builder.build = async (at) => {
    const pool = await build(at)
    requireLists('connection pool', pool, ['pool'])
    for (const connection of pool.pool) patchConnection(connection, sockets)
    return pool
  }
  return sockets.end
}

function patchConnection(connection: InternalConnection, sockets: OpenSockets): void {
  requireFunctions('connection', connection, ['connect', 'isConnected', 'send'])
  requireLists('connection', connection, ['chunks'])
  patchRequestQueue(connection.requestQueue)
  patchConnect(connection, sockets)
  patchSend(connection)
}

function patchRequestQueue(requestQueue: InternalRequestQueue): void {
  requireFunctions('connection.requestQueue', requestQueue, ['destroy', 'scheduleCheckPendingRequests'])
  requireLists('connection.requestQueue', requestQueue, ['pending'])
  const schedule = requestQueue.scheduleCheckPendingRequests.bind(requestQueue)
  requestQueue.scheduleCheckPendingRequests = () => {
    if (requestQueue.pending.length > 0) schedule()
  }
}

function patchConnect(connection: InternalConnection, sockets: OpenSockets): void {
  const connect = connection.connect.bind(connection)
  let connecting: Promise<unknown> | undefined
  const reconnect = async (): Promise<unknown> => {
    connection.chunks = []
    connection.bytesBuffered = 0
    connection.bytesNeeded = LENGTH_BYTES
    const before = connection.socket
    const connected = connect()
    if (connection.socket !== before) sockets.add(connection.socket)
    return connected
  }
  connection.connect = async () => {
    if (connection.isConnected()) return connect()
    connecting ??= reconnect().finally(() => {
      connecting = undefined
    })
    return connecting
  }
}

function patchSend(connection: InternalConnection): void {
  const send = connection.send.bind(connection)
  connection.send = async (request) => {
    try {
      return await send(request)
    } catch (error) {
      const isTimeout = (error as { readonly name?: string }).name === 'KafkaJSRequestTimeoutError'
      if (isTimeout) connection.socket.destroy(error as Error) // the error makes kafkajs open another socket
      throw error
    }
  }
}
