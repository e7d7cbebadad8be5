import type { Socket } from 'node:net'
import type { InternalCluster, InternalConnection, InternalRequestQueue } from './internals.js'
import { requireFunctions, requireLists } from './require-functions.js'

/** Size of the length field that each response begins with. */
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

  /** Ends the open sockets, and any that is added later. */
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
 * - bytes of a response that a closed connection cut off stay in its buffer, and end the process when the next
 *   connection's response is read;
 * - one whose other end has disappeared without closing gets requests forever;
 * - one that is being opened while the client disconnects stays open;
 * - two requests at once on a closed connection open two sockets, of which the first stays open.
 *
 * @returns a function that ends all connections, open or still to be opened
 * @throws JoineryError `CLIENT_UNSUPPORTED` if this kafkajs is not built as 2.2.4 is
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
