import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Notification } from '../../topics.js'
import { AcceptQueue } from './accept-queue.js'
import { DurableLog } from './durable-log.js'

/** The service's reaction to a request. In all cases except `reset-before`, in which it reads nothing, it logs the request first. */
export type Behaviour = 'respond' | 'slow' | 'reset-before' | 'reset-after' | 'redirect' | 'fail' | 'hang'

/** A call as the service received it. */
export interface ReceivedCall {
  /** The `idempotency-key` header. A service that honours it can recognise a repeated call; this one does not. */
  readonly callId: string
  readonly activationId: string
  readonly externalId: string
  /** The status that it responds with, or would have. */
  readonly status: number
}

/** Options of {@link startRestService}. */
export interface RestServiceOptions {
  /** Where calls are logged. */
  readonly file: string
  /** Connections are counted from 1; each carries one request. */
  readonly behaviour?: (connection: number) => Behaviour
  /** Called for each call that was logged, before anything else happens. */
  readonly received?: (connection: number, call: ReceivedCall) => void
}

/** A stand-in for the external REST service. */
export interface RestService extends AsyncDisposable {
  readonly url: string
  /** Every call, logged before the service acts on it. */
  readonly calls: readonly ReceivedCall[]
  /**
   * Resolves once each request that has reached this machine is in {@link calls}, or never will be. Before that, a missing
   * request proves nothing: a busy service logs it later.
   */
  settled(): Promise<void>
}

interface Connection {
  /** Counted from 1. */
  readonly number: number
  /** Its request is in the log, or never will be. */
  readonly settled: Promise<void>
  readonly settle: () => void
  isServing: boolean
}

const STATUS: Readonly<Record<Behaviour, number>> = {
  respond: 204,
  slow: 204,
  'reset-before': 204,
  'reset-after': 204,
  redirect: 307,
  fail: 503,
  hang: 204,
}
const SLOW_MS = 400
/** Long enough for the request to arrive in the socket, where it is discarded unread. */
const UNREAD_MS = 50

/** Serves `POST /activations` on a free port of this machine. */
export async function startRestService(options: RestServiceOptions): Promise<RestService> {
  const { file, behaviour = () => 'respond', received } = options
  const log = await DurableLog.open(file)
  const calls: ReceivedCall[] = []
  const connections = new Map<Socket, Connection>()
  const unsettled = new Set<Promise<void>>()
  let count = 0

  const serve = async (
    { number, settle }: Connection,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    const action = behaviour(number)
    const respond = (status: number) =>
      response.writeHead(status, { 'content-length': 0, location: '/elsewhere' }).end()
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const callId = request.headers['idempotency-key']
    if (request.method !== 'POST' || request.url !== '/activations' || typeof callId !== 'string') {
      respond(400)
      return
    }
    const { activationId, externalId } = JSON.parse(Buffer.concat(parts).toString()) as Notification
    const call = { callId, activationId, externalId, status: STATUS[action] }
    await log.append(JSON.stringify(call))
    calls.push(call)
    settle()
    received?.(number, call)
    if (action === 'hang') return
    if (action === 'reset-after') request.socket.resetAndDestroy()
    else {
      if (action === 'slow') await delay(SLOW_MS)
      respond(call.status)
    }
  }
  const http = createServer((request, response) => {
    const connection = connections.get(request.socket)
    if (connection === undefined) return
    connection.isServing = true
    serve(connection, request, response)
      .catch(() => request.socket.destroy()) // the caller went away before it had sent everything
      .finally(connection.settle)
  })
  // in front of the HTTP server, which reads whatever arrives
  const front = createTcpServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => {}) // the caller went away
    if (queue.takeProbe(socket)) return
    const connection = newConnection(++count)
    connections.set(socket, connection)
    unsettled.add(connection.settled)
    connection.settled.then(() => unsettled.delete(connection.settled))
    socket.on('close', () => {
      if (!connection.isServing) connection.settle()
      connections.delete(socket)
    })
    if (behaviour(connection.number) === 'reset-before') setTimeout(() => socket.resetAndDestroy(), UNREAD_MS)
    else {
      http.emit('connection', socket)
      socket.resume()
    }
  })
  const queue = new AcceptQueue(front)
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  return {
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}/activations`,
    calls,
    async settled() {
      await queue.passed()
      await Promise.all(unsettled)
    },
    async [Symbol.asyncDispose]() {
      front.close()
      for (const socket of connections.keys()) socket.destroy()
      await once(front, 'close')
      await log[Symbol.asyncDispose]()
    },
  }
}

function newConnection(number: number): Connection {
  let settle: () => void = () => {}
  const settled = new Promise<void>((resolve) => {
    settle = resolve
  })
  return { number, settled, settle, isServing: false }
}

/** Reads a service's log of calls. */
export async function readCalls(file: string): Promise<readonly ReceivedCall[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as ReceivedCall)
}
