import type { Socket } from 'node:net'
import type { InternalCluster, InternalConnection } from './internals.js'
import { requireFunctions, requireLists } from './require-functions.js'

/** Bytes of a response's length. */
const LENGTH_BYTES = 4

/** The sockets of one client that are open. */
class OpenSockets {
  readonly #open = new Set<Socket>()
  #isOver = false

  add(socket: Socket): void {
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    if (this.#isOver) end(socket)
  }

  /** Ends them, and whatever is still being opened once it is. */
  readonly end = (): void => {
    this.#isOver = true
    for (const socket of this.#open) end(socket)
  }
}

/** kafkajs hears of errors, and ends its timers too. */
const end = (socket: Socket): void => void socket.destroy(new Error('the client was closed'))

/**
 * Cures five faults of the connections that stay kafkajs' own: each keeps a timer of 1 ms running for ever; a cut in the
 * middle of an answer leaves bytes behind that end the process when the next connection's answer is read; one that
 * does not answer is asked again for ever, though its other end may be long gone; one that was being opened while the
 * client was disconnected is left open for ever; and so is the first of two sockets, when two requests at once find the
 * connection closed and each opens it. Answers how to end all that are open, and those to come.
 *
 * @throws JoineryError `CLIENT_UNSUPPORTED` if this kafkajs is not built as 2.2.4 is
 */
export function mendConnections(cluster: Pick<InternalCluster, 'connectionPoolBuilder'>): () => void {
  const builder = cluster.connectionPoolBuilder
  requireFunctions('cluster.connectionPoolBuilder', builder, ['build'])
  const build = builder.build.bind(builder)
  const sockets = new OpenSockets()
  builder.build = async (at) => {
    const pool = await build(at)
    requireLists('connection pool', pool, ['pool'])
    for (const connection of pool.pool) mend(connection, sockets)
    return pool
  }
  return sockets.end
}

function mend(connection: InternalConnection, sockets: OpenSockets): void {
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
  let connecting: Promise<unknown> | undefined
  const connectAnew = async (): Promise<unknown> => {
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
    connecting ??= connectAnew().finally(() => {
      connecting = undefined
    })
    return connecting
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
